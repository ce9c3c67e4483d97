"""A small client of the API server, cheap enough to put thousands of objects there beside what is measured."""

import base64
import http.client
import json
import re
import ssl
import threading
import time

from .process import Failed

GROUP = "/apis/transfer-operator.dev/v1alpha1"
JSON, APPLY, MERGE = "application/json", "application/apply-patch+yaml", "application/merge-patch+json"


class Kube:
    """One connection for each thread that asks."""

    def __init__(self, kubeconfig):
        found = {
            key: re.search(rf"{key}: (\S+)", kubeconfig)[1] for key in ("server", "certificate-authority-data", "token")
        }
        self.host, port = found["server"].removeprefix("https://").split(":")
        self.port, self.token = int(port), found["token"].rstrip("}")
        self.tls = ssl.create_default_context(cadata=base64.b64decode(found["certificate-authority-data"]).decode())
        self.tls.check_hostname = False
        self.local = threading.local()

    def connect(self, timeout=60):
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)

    def headers(self, kind=JSON):
        return {"authorization": f"Bearer {self.token}", "content-type": kind, "accept": JSON}

    def ask(self, method, path, body=None, kind=JSON, missing=False):
        """The answer as JSON; with `missing`, what is not there is None."""
        data = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None) or self.connect()
            self.local.connection = connection
            try:
                connection.request(method, path, data, self.headers(kind))
                answer = connection.getresponse()
                text = answer.read()
                break
            except (OSError, http.client.HTTPException):
                # The server closes a connection that rested; a second failure is one.
                connection.close()
                self.local.connection = None
                if attempt == 2:
                    raise
        if missing and answer.status == 404:
            return None
        if answer.status >= 300:
            raise Failed(f"{method} {path}: {answer.status} {text[:500].decode(errors='replace')}")
        return json.loads(text)

    def apply(self, manifest):
        """Server-side apply, as GitOps does it."""
        return self.ask("PATCH", f"{path_of(manifest)}?fieldManager=bench&force=true", manifest, APPLY)

    def patch(self, path, body):
        return self.ask("PATCH", path, body, MERGE)


PLURALS = {"AwsIdentity": "awsidentities", "TransferServer": "transferservers", "TransferUser": "transferusers"}


def path_of(manifest):
    """The path of an object of ours, or of a namespace."""
    meta = manifest["metadata"]
    if manifest["kind"] == "Namespace":
        return f"/api/v1/namespaces/{meta['name']}"
    within = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    return f"{GROUP}{within}/{PLURALS[manifest['kind']]}/{meta['name']}"


def is_ready(thing):
    """Whether it is Ready for its newest generation."""
    status = thing.get("status", {})
    conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
    return conditions.get("Ready") == "True" and status.get("observedGeneration") == thing["metadata"]["generation"]


class Watch(threading.Thread):
    """What users look like now, by name: generation that is Ready (or None), and since when."""

    def __init__(self, kube):
        super().__init__(daemon=True)
        self.kube, self.ready, self.changed, self.over = kube, {}, threading.Condition(), False
        self.start()

    def run(self):
        while not self.over:
            try:
                self.follow()
            except (OSError, ValueError, http.client.HTTPException):
                time.sleep(0.2)

    def follow(self):
        """Without a version the stream begins with all that is there."""
        connection = self.kube.connect(timeout=3600)
        connection.request("GET", f"{GROUP}/transferusers?watch=1", headers=self.kube.headers())
        stream = connection.getresponse()
        if stream.status != 200:
            raise OSError(f"no watch yet: {stream.status}")
        while not self.over and (line := stream.readline()):
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED"):
                self.note(event["object"])

    def note(self, thing):
        name, generation = thing["metadata"]["name"], thing["metadata"]["generation"]
        now = time.time()
        with self.changed:
            self.ready[name] = (generation, now) if is_ready(thing) else (None, now)
            self.changed.notify_all()

    def stop(self):
        self.over = True

    def count(self):
        return sum(1 for generation, _ in list(self.ready.values()) if generation)

    def await_count(self, count, patience, tell=None):
        """Waits until so many are Ready, and says how far that is every ten seconds."""
        deadline, told = time.monotonic() + patience, time.monotonic()
        while (have := self.count()) < count:
            if time.monotonic() > deadline:
                raise Failed(f"only {have} of {count} users are Ready after {patience} s")
            if tell and time.monotonic() > told + 10:
                told = time.monotonic()
                tell(f"{have} of {count} users are Ready")
            with self.changed:
                self.changed.wait(0.2)

    def await_generation(self, name, generation, patience):
        """When it became Ready for this generation or a later one; None where it did not."""
        deadline = time.monotonic() + patience
        with self.changed:
            while True:
                seen, at = self.ready.get(name, (None, 0))
                if seen and seen >= generation:
                    return at
                if time.monotonic() > deadline:
                    return None
                self.changed.wait(0.5)
