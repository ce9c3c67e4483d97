"""A real etcd and kube-apiserver (tools/control-plane), and its log of what was asked of it."""

import datetime
import json
import pathlib
import re
import shutil

from .kube import Kube
from .process import ROOT, Failed, Process, await_that, run


class Plane:
    """A control plane in a folder of its own; with `prepared`, it begins with what that etcd held."""

    def __init__(self, folder, prepared=None):
        self.folder = pathlib.Path(folder)
        self.kubectl_program = f"{run(ROOT / 'tools/build-kube')}/kubectl"
        command = [ROOT / "tools/control-plane", self.folder]
        if prepared:
            command += ["--etcd-data", prepared]
        self.process = Process("control-plane", command, f"{folder}.log", guarded=False)
        await_that("the API server", 150, self._up)
        self.kubeconfig = (self.folder / "kubeconfig").read_text()
        self.admin = Kube(self.kubeconfig)
        self.audit = Audit(self.folder)

    def _up(self):
        self.process.check()
        return (self.folder / "kubeconfig").exists()

    def kubectl(self, *args):
        return run(self.kubectl_program, "--kubeconfig", self.folder / "kubeconfig", *args)

    def kubeconfig_for(self, namespace, account):
        """A file with the identity, and so the rights, of a ServiceAccount."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 24 * 3600},
        }
        token = self.admin.ask("POST", path, request)["status"]["token"]
        file = self.folder / f"{account}.kubeconfig"
        file.write_text(re.sub(r"token: [^}\s]+", f"token: {token}", self.kubeconfig))
        return file

    def stop(self):
        self.process.stop()

    def keep_etcd(self, target):
        """Copies what etcd holds, once everything is stopped."""
        shutil.copytree(self.folder / "etcd", target)


class Audit:
    """The requests of ServiceAccounts, read on from where the last look ended, also across rotated files."""

    def __init__(self, folder):
        self.folder, self.offsets, self.events = folder, {}, []

    def read(self):
        """All events so far, in order."""
        files = [file for file in self.folder.glob("audit*.log") if file.name != "audit.log"]
        current = self.folder / "audit.log"
        for file in sorted(files) + ([current] if current.exists() else []):
            self._read_on(file)
        return self.events

    def _read_on(self, file):
        with open(file, "rb") as log:
            key = file.stat().st_ino
            log.seek(self.offsets.get(key, 0))
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self.offsets[key] = self.offsets.get(key, 0) + len(line)
                self.events.append(request_of(json.loads(line)))

    def mark(self):
        """Where the log ends now."""
        return len(self.read())

    def since(self, mark):
        return self.read()[mark:]


def request_of(event):
    """What the benchmark wants to know of an audit event."""
    where = event.get("objectRef", {})
    resource = where.get("resource", "")
    return {
        "time": seconds(event["requestReceivedTimestamp"]),
        "user": event["user"]["username"],
        "verb": event["verb"],
        "group": where.get("apiGroup", ""),
        "resource": f"{resource}/{where['subresource']}" if "subresource" in where else resource,
        "name": where.get("name", ""),
        "code": event.get("responseStatus", {}).get("code", 0),
    }


def seconds(text):
    """A time of RFC 3339 in seconds since 1970."""
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError as error:
        raise Failed(f"not a time: {text}") from error
