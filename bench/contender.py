"""Who is measured: how it is built, installed and started. Rows know nothing else of it.

A contender has `key`, `title`, `namespace` (of its lease), `user` (under which the API server knows it), `build()` ->
the binary, `install(plane)`, `start(plane, aws, log, args)` -> a Process, arguments for some rows (`wide`, `often`),
`looks(users)` -> full looks an hour as its code has them, and says how one sees that it has looked at all users after a
start (`judged_by`: "list" or "describe").
"""

import os
import pathlib
import re
import shutil
import tempfile

from .process import ROOT, Failed, Process, free_port, run

#: The build of 26 November that issue 13 measured.
BASELINE = "3fb8c8c"
NAMESPACE = "transfer-operator-system"
ACCOUNT = "transfer-operator"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"


def cache():
    """The folder outside the clone where tools/build-kube keeps things too."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("TRANSFER_OPERATOR_CACHE") or pathlib.Path(base) / "transfer-operator")


def target():
    """Where cargo puts what it builds."""
    return ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")


def cargo(*args, cwd=ROOT):
    run("cargo", "build", "--locked", "--release", *args, cwd=cwd, env={"CARGO_TARGET_DIR": str(target())})


def simulator():
    """transfer-sim in its release build."""
    cargo("--features", "sim", "--bin", "transfer-sim")
    return target() / "release/transfer-sim"


class Operator:
    """A build of transfer-operator, with the manifests of its own commit."""

    #: What lifts the rates that it keeps by itself, for rows that count and do not measure time.
    wide = ()
    #: What makes it look at everything once a minute, where the objects cannot say so.
    often = ("--resync-interval", "1m")
    namespace = NAMESPACE
    #: What its image sets.
    environment = {}

    def __init__(self, key, title, judged_by):
        self.key, self.title, self.judged_by = key, title, judged_by
        self.user = USER
        self.source, self.binary = ROOT, None

    def install(self, plane):
        """CRDs, then the chart's rendering, as `kubectl apply` does from a release."""
        for manifest in ("deploy/crds.yaml", "deploy/install.yaml"):
            plane.kubectl("apply", "--server-side", "--filename", self.source / manifest)
        plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")

    def start(self, plane, aws, log, args=()):
        """A replica with the chart's rights; several of one plane share a lease."""
        port = free_port()
        command = [self.binary, "run", "--health-addr", f"127.0.0.1:{port}", "--lease-namespace", NAMESPACE, *args]
        env = {"KUBECONFIG": str(plane.kubeconfig_for(NAMESPACE, ACCOUNT)), **aws.environment(), **self.environment}
        process = Process(self.key, command, log, env)
        process.port = port
        return process


#: Full looks an hour at one object that is looked at every ten minutes, a fifth sooner or later and never after them.
SIX = 3600 / (0.95 * 600)


class New(Operator):
    """The build of this clone."""

    #: As its image has it.
    environment = dict(re.findall(r"^ENV (\w+)=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))

    @staticmethod
    def looks(users):
        """Full looks an hour: the users' budget, and the server with its host keys every five minutes."""
        return min(833, SIX * users) + 4 * SIX

    def __init__(self):
        super().__init__("new", "this build", "list")

    def build(self):
        cargo("--bin", "transfer-operator")
        self.binary = target() / "release/transfer-operator"
        return self.binary


class Baseline(Operator):
    """The build of issue 13, made once into the cache; it shares what cargo compiled of the same crates."""

    wide = ("--aws-read-rate", "100000", "--aws-write-rate", "100000", "--aws-create-server-rate", "100000")

    def __init__(self):
        super().__init__("baseline", f"{BASELINE} of 26 November", "describe")
        self.source = cache() / f"baseline-{BASELINE}"
        self.binary = self.source / "transfer-operator"

    @staticmethod
    def looks(users):
        """Every user and the server; its listings, for orphans, come on top."""
        return SIX * users + 2 * SIX

    def build(self):
        if self.binary.exists():
            return self.binary
        with tempfile.TemporaryDirectory(prefix="transfer-bench-") as folder:
            run("bash", "-c", f"git archive {BASELINE} | tar -x -C {folder}")
            cargo("--bin", "transfer-operator", cwd=folder)
            self.source.mkdir(parents=True, exist_ok=True)
            shutil.copytree(f"{folder}/deploy", self.source / "deploy", dirs_exist_ok=True)
            # Renamed into place: half a copy must not pass for a build.
            shutil.copy(target() / "release/transfer-operator", self.source / ".new")
            (self.source / ".new").rename(self.binary)
        return self.binary


class Peer:
    """The operator in Go under bench/peer: the full run only, since its SDKs take minutes to compile."""

    key, title, judged_by = "peer", "the peer in Go", "describe"
    wide, often = (), Operator.often
    namespace, account = "transfer-operator-peer", "peer"
    folder = ROOT / "bench/peer"

    def __init__(self):
        self.user = f"system:serviceaccount:{self.namespace}:{self.account}"
        self.binary = cache() / "bench-peer/peer"

    def build(self):
        if not (self.folder / "go.mod").exists():
            raise Failed("bench/peer is not there")
        self.binary.parent.mkdir(parents=True, exist_ok=True)
        flags = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w")
        run("go", "build", *flags, "-o", self.binary, ".", cwd=self.folder, env={"CGO_ENABLED": "0"})
        return self.binary

    @staticmethod
    def looks(users):
        return 6 * (users + 1)

    def install(self, plane):
        """The CRDs of this clone, and rights of its own."""
        for manifest in (ROOT / "deploy/crds.yaml", self.folder / "rbac.yaml"):
            plane.kubectl("apply", "--server-side", "--filename", manifest)
        plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")

    def start(self, plane, aws, log, args=()):
        port = free_port()
        command = [self.binary, "--leader-elect", "--leader-election-namespace", self.namespace]
        command += ["--health-probe-bind-address", f"127.0.0.1:{port}", *args]
        env = {"KUBECONFIG": str(plane.kubeconfig_for(self.namespace, self.account)), **aws.environment()}
        process = Process(self.key, command, log, env)
        process.port = port
        return process
