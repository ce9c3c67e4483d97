"""A stage: a control plane, the simulated AWS and one contender on it, each row's own or handed on from row to row."""

import json
import pathlib
import shutil
import tempfile
import time

from . import count, objects
from .aws import Aws
from .kube import Watch, is_ready, path_of
from .plane import Plane
from .process import Failed, await_that

#: How long a state is kept as it is before it counts as settled: what follows a write has then come.
SETTLE = 5
#: Writes within that time that are still rest: the rolling look writes down the ids of keys, one user every 4 s.
FEW = 3


class Stage:
    """Everything that runs for one contender; `stop` ends it all."""

    def __init__(self, contender, sim, tell, prepared=None):
        self.contender, self.tell, self.started = contender, tell, []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="transfer-bench-"))
        self.plane = self.aws = self.operator = self.watch = None
        try:
            self.set_up(sim, prepared)
        except BaseException:
            self.stop()
            raise

    def set_up(self, sim, prepared):
        """The control plane and AWS, with what was prepared or with the contender's own manifests."""
        self.plane = Plane(self.folder / "plane", prepared and prepared / "etcd")
        self.aws = Aws(sim, self.folder)
        if prepared:
            self.aws.ask("POST", "world", json.loads((prepared / "world.json").read_text()))
        else:
            self.contender.install(self.plane)
        self.kube = self.plane.admin
        self.watch = Watch(self.kube)

    def start(self, args=()):
        """Starts a replica and returns it and when that was."""
        log = self.folder / f"{self.contender.key}-{len(self.started)}.log"
        at = time.time()
        process = self.contender.start(self.plane, self.aws, log, args)
        self.started.append(process)
        self.operator = process
        return process, at

    def restart(self, args=()):
        self.operator.terminate()
        return self.start(args)

    def forget_leader(self):
        """Nobody waits for the lease of a replica that was killed, nor knows what it had learnt of AWS's rate."""
        self.plane.kubectl("--namespace", self.contender.namespace, "delete", "lease", "--all", "--ignore-not-found")

    def server(self):
        """The identity and the server, until that is Ready."""
        for manifest in (objects.namespace(), objects.identity(), objects.server()):
            self.kube.apply(manifest)
        path = path_of(objects.server())
        await_that("the server", 120, lambda: self.operator.check() or is_ready(self.kube.ask("GET", path)), 0.2)

    def mark(self):
        """This moment in both logs."""
        return self.aws.mark(), self.plane.audit.mark()

    def since(self, mark):
        """AWS's calls and the contender's requests since a mark."""
        calls, requests = mark
        ours = [event for event in self.plane.audit.since(requests) if event["user"] == self.contender.user]
        return self.aws.since(calls), ours

    def settle(self, patience=180):
        """Waits until next to nothing is written or changed any more; a check that rolls along may find something."""
        deadline, before = time.monotonic() + patience, None
        while True:
            calls, requests = self.since((0, 0))
            now = count.mutations(calls) + count.object_writes(requests)
            if before is not None and now - before <= FEW:
                return
            if time.monotonic() > deadline:
                raise Failed("nothing comes to rest")
            before = now
            time.sleep(SETTLE)

    def prepare(self, target):
        """Keeps what etcd and AWS hold, for stages that begin with it."""
        world = self.aws.ask("GET", "world")
        self.stop(keep=True)
        target.mkdir(parents=True)
        self.plane.keep_etcd(target / "etcd")
        (target / "world.json").write_text(json.dumps(world))
        shutil.rmtree(self.folder)

    def stop(self, keep=False):
        """In the reverse order of their start: an API server without its etcd would hang."""
        if self.watch:
            self.watch.stop()
        for process in reversed(self.started):
            if not process.ended():
                process.stop()
        for program in (self.aws, self.plane):
            if program:
                program.stop()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
