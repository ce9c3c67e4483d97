"""Programs that end when the benchmark does, and what Linux says they used. Knows nothing of what they are."""

import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """The benchmark cannot go on; the text says why."""


class Process:
    """A program under tools/guard, which kills it when the benchmark ends in whatever way; or one that ends with its
    standard input by itself."""

    def __init__(self, name, command, log, env=None, guarded=True):
        self.name, self.log = name, pathlib.Path(log)
        self.program = pathlib.Path(command[0]).name
        command = [*([ROOT / "tools/guard"] if guarded else []), *command]
        with open(self.log, "ab") as output:
            pipes = {"stdin": subprocess.PIPE, "stdout": output, "stderr": output}
            self.guard = subprocess.Popen([str(part) for part in command], env=environment(env), **pipes)
        self._pid = None

    @property
    def pid(self):
        """The program's own number: the guard is its parent, and has a shell beside it."""
        if self._pid is None:
            self._pid = await_that(f"the process of {self.name}", 10, self._child)
        return self._pid

    def _child(self):
        self.check()
        for entry in os.scandir("/proc"):
            if entry.name.isdigit() and is_child(entry.name, self.guard.pid, self.program):
                return int(entry.name)
        return None

    def ended(self):
        return self.guard.poll() is not None

    def check(self):
        """Fails where it has ended by itself."""
        if self.ended():
            raise Failed(f"{self.name} ended; the end of {self.log}:\n{tail(self.log)}")

    def signal(self, name):
        self.guard.stdin.write(f"{name}\n".encode())
        self.guard.stdin.flush()

    def terminate(self, patience=60):
        """Asks it to end, as the kubelet does, and waits until it has."""
        self.signal("TERM")
        self.guard.wait(patience)

    def stop(self):
        """Ends it at once, by the end of its standard input."""
        self.guard.stdin.close()
        self.guard.wait()

    def memory(self):
        """MiB: resident, of these not backed by a file, and the most that was resident."""
        rows = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        values = {
            row.split(":")[0]: row.split(":")[1].split()[0]
            for row in rows
            if row.startswith(("VmHWM", "VmRSS", "RssAnon"))
        }
        return {
            name: int(values[key]) / 1024 for name, key in (("rss", "VmRSS"), ("anon", "RssAnon"), ("peak", "VmHWM"))
        }

    def cpu(self):
        """Seconds of processor time since its start, in user and kernel mode."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def environment(more):
    """This process's own with more; what is None is taken out."""
    return {name: value for name, value in {**os.environ, **(more or {})}.items() if value is not None}


def is_child(pid, parent, program):
    """Whether a process is that program, started by that parent; it may end while one looks."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[1]) == parent and os.readlink(f"/proc/{pid}/exe").rsplit("/", 1)[1] == program
    except OSError:
        return False


def tail(path, lines=20):
    return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])


def await_that(what, patience, look, pause=0.05):
    """What `look` returns, once that is true."""
    deadline = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"waited {patience} s for {what}")
        time.sleep(pause)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(*command, env=None, cwd=ROOT):
    """The output of a command; its progress goes where ours does."""
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=cwd, env=environment(env), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} failed with status {done.returncode}, see above")
    return done.stdout.strip()


def as_signals_end():
    """A SIGTERM ends the benchmark as Ctrl-C does, so that what it started is stopped in order."""
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
