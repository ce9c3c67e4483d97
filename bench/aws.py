"""transfer-sim in its release build: AWS with a rate, a latency and a log of calls."""

import http.client
import json
import pathlib
import threading

from .plane import seconds
from .process import Failed, Process, await_that

ACCOUNT, REGION = "123456789012", "eu-central-1"
#: What every answer takes unless a row says otherwise.
CONSTANT = {"p50": "30ms"}
HEAVY = {"p50": "30ms", "p99": "800ms"}


class Aws:
    """A running simulator."""

    def __init__(self, program, folder, state=None):
        folder = pathlib.Path(folder)
        ports = folder / "sim.port"
        command = [
            program,
            "--listen",
            "127.0.0.1:0",
            "--port-file",
            ports,
            "--account",
            ACCOUNT,
            "--transition-time",
            "200ms",
        ]
        if state:
            command += ["--state-file", state]
        self.process = Process("transfer-sim", command, folder / "sim.log")
        await_that("transfer-sim", 60, lambda: self.process.check() or ports.exists())
        self.port = int(ports.read_text())
        self.local, self.taken, self.last, self.lock = threading.local(), [], 0, threading.Lock()
        self.config(latency=CONSTANT, quotas={"users": 100_000})

    def environment(self):
        """What leads a program to it, and keeps the developer's own configuration out."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": None,
            "AWS_REGION": REGION,
            "AWS_PROFILE": None,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, f"/_sim/{path}", None if body is None else json.dumps(body))
        answer = connection.getresponse()
        value = json.loads(answer.read())
        connection.close()
        if answer.status >= 300:
            raise Failed(f"transfer-sim refused {method} {path}: {value}")
        return value

    def config(self, **switches):
        return self.ask("POST", "config", switches)

    def limit(self, rate, burst=10):
        """Sets the rate; 0 lifts it."""
        self.config(rate_limit={"rate": rate, "burst": burst} if rate else None)

    def calls(self):
        """All calls so far. The simulator keeps the last 200,000 only, so they are taken over in time."""
        with self.lock:
            answer = self.ask("GET", f"calls?since={self.last}")
            self.last = answer["last"]
            for call in answer["calls"]:
                keys = {"operation": call["operation"], "outcome": call["outcome"], "user": call.get("user_name")}
                self.taken.append({"time": seconds(call["time"]), **keys, "role": call["input"].get("Role")})
            return self.taken

    def mark(self):
        return len(self.calls())

    def since(self, mark):
        return self.calls()[mark:]

    def stop(self):
        self.process.stop()
