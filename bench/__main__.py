"""`make bench`: builds the contenders, takes each through the rows, writes bench/results. `--full` adds repetitions,
the peer and larger sizes, and goes on where it was broken off."""

import argparse
import datetime
import hashlib
import json
import os
import shutil
import sys
import time

from . import report, table
from .aws import HEAVY
from .contender import Baseline, New, Peer, cache, simulator
from .process import Failed, as_signals_end, run, ROOT
from .rows import counts, start, sweep
from .stage import Stage

#: A rest is as long as one sweep of listings lies after another (five minutes and up to a tenth more), and so holds one of
#: each.
REST = 360
RATES = (5, 20)
SIZES = {"new": (10_000, 50_000), "baseline": (10_000,), "peer": (10_000,)}


class Bench:
    """A run: what it is made of, how far it is, what it has."""

    def __init__(self, options, contenders, sim):
        self.options, self.contenders, self.sim = options, contenders, sim
        self.begun = time.monotonic()

    def tell(self, words):
        print(f"[{time.monotonic() - self.begun:5.0f} s] {words}", flush=True)

    def stage(self, contender, prepared=None):
        return Stage(contender, self.sim, lambda words: self.tell(f"{contender.key}: {words}"), prepared)

    def repetition(self, contenders):
        """All rows of all contenders once. While they rest beside each other, others converge behind a rate."""
        users, figures, stages = self.options.users, {}, {}
        try:
            for contender in contenders:
                stages[contender.key] = self.stage(contender)
                figures[contender.key] = self.grow(contender, stages[contender.key], users)
            rests = {key: counts.Rest(stage) for key, stage in stages.items()}
            for contender in contenders:
                figures[contender.key].update(self.behind_rates(contender))
            for key, rest in rests.items():
                self.tell(f"{key}: at rest")
                time.sleep(max(0, REST - rest.lasted()))
                figures[key]["rest"] = rest.figures()
            for contender in contenders:
                figures[contender.key].update(self.shake(contender, stages[contender.key], users))
        finally:
            for stage in stages.values():
                stage.stop()
        return figures

    def grow(self, contender, stage, users):
        """From nothing to a fleet, and edits of it while nothing else happens."""
        self.tell(f"{contender.key}: starts")
        operator, _ = stage.start(contender.wide)
        time.sleep(10)
        found = {"binary": contender.binary.stat().st_size, "memory_0": operator.memory()}
        stage.server()
        self.tell(f"{contender.key}: converges {users} users")
        with counts.Samples(stage) as samples:
            found["converge"] = counts.converge(stage, users)
        found["by_objects"] = samples.points
        self.tell(f"{contender.key}: users with several keys")
        found["many_keys"] = counts.many_keys(stage)
        self.tell(f"{contender.key}: edits while idle")
        found["idle_edits"] = counts.idle_edits(stage, users)
        counts.look(stage)
        return found

    def behind_rates(self, contender):
        """Convergence behind each rate, each on a stage of its own: nothing may be known of the rate."""
        found = {}
        for rate in RATES:
            self.tell(f"{contender.key}: converges {self.options.behind} users behind {rate}/s")
            stage = self.stage(contender)
            try:
                stage.start()
                stage.server()
                found[f"rate_{rate}"] = start.behind_rate(stage, rate, self.options.behind)
            finally:
                stage.stop()
        return found

    def shake(self, contender, stage, users):
        """Restarts, edits while everything is checked, and the loss of the leader."""
        found = {}
        self.tell(f"{contender.key}: starts in sync")
        found["cold"] = start.cold(stage, stage.watch.count(), 60 + users / 5, contender.wide)
        self.tell(f"{contender.key}: edits after a start, AWS at {sweep.RATE}/s")
        found["sweep_start"] = sweep.after_start(stage, users)
        self.tell(f"{contender.key}: edits while all are checked at AWS's wall")
        found["sweep_wall"] = sweep.at_the_wall(stage, users)
        if self.options.full:
            self.tell(f"{contender.key}: the same with a heavy tail of latency")
            found["sweep_heavy"] = sweep.at_the_wall(stage, users, latency=HEAVY)
        self.tell(f"{contender.key}: loses its leader")
        stage.restart()
        time.sleep(10)
        found["leader_loss"] = start.leader_loss(stage, self.options.losses)
        return found

    def size(self, contender, users):
        """A larger fleet, from a prepared state: what etcd and AWS held once this contender had converged it."""
        prepared = self.prepared(contender, users)
        stage = self.stage(contender, prepared)
        try:
            stage.forget_leader()
            operator, _ = stage.start(contender.wide)
            stage.watch.await_count(users, 1800)
            stage.settle(1800)
            found = {"binary": contender.binary.stat().st_size}
            self.tell(f"{contender.key}: {users} users start in sync")
            found["cold"] = start.cold(stage, users, 600 + users / 5, contender.wide)
            rest = counts.Rest(stage)
            self.tell(f"{contender.key}: {users} users at rest")
            time.sleep(REST)
            found["rest"] = rest.figures()
            self.tell(f"{contender.key}: edits among {users} users while idle")
            found["idle_edits"] = counts.idle_edits(stage, users)
            self.tell(f"{contender.key}: edits after a start with {users} users, AWS at {sweep.RATE}/s")
            found["sweep_start"] = sweep.after_start(stage, users)
            return found
        finally:
            stage.stop()

    def prepared(self, contender, users):
        digest = digest_of([contender.binary, self.sim])
        folder = cache() / "bench-prepared" / f"{contender.key}-{digest}-{users}"
        if folder.exists():
            return folder
        self.tell(f"{contender.key}: prepares {users} users, once")
        stage = self.stage(contender)
        try:
            stage.start(contender.wide)
            stage.server()
            counts.converge(stage, users)
            counts.look(stage)
            unfinished = folder.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            stage.prepare(unfinished)
            unfinished.rename(folder)
            return folder
        finally:
            stage.stop()


def digest_of(files, words=""):
    """What these hold, and these words, in short."""
    whole = hashlib.sha256(words.encode())
    for file in files:
        whole.update(file.read_bytes())
    return whole.hexdigest()[:12]


class Kept:
    """What a full run has so far, in the cache: each part is measured once, whoever breaks it off."""

    def __init__(self, name):
        self.folder = cache() / "bench-runs" / name
        self.folder.mkdir(parents=True, exist_ok=True)

    def part(self, name, measure):
        file = self.folder / f"{name}.json"
        if not file.exists():
            file.with_suffix(".new").write_text(json.dumps(measure()))
            file.with_suffix(".new").rename(file)
        return json.loads(file.read_text())


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="three repetitions, the peer, and sizes from 10,000 users")
    parser.add_argument("--users", type=int, default=1_000, help="users of the rows that are about one size")
    parser.add_argument("--behind", type=int, help="users that converge behind a rate [200; 1,000 in a full run]")
    parser.add_argument("--sizes", help="larger sizes of this build alone, such as 10000; for a run that is not full")
    parser.add_argument("--without-baseline", action="store_true", help="leave the build of issue 13 out")
    options = parser.parse_args()
    options.behind = options.behind or (1_000 if options.full else 200)
    options.losses = 3 if options.full else 1
    return options


def contenders_of(options):
    """Those that take part, built. Where the old build cannot be made, what was recorded of it stands alone."""
    chosen, built = [New()], []
    chosen += [] if options.without_baseline else [Baseline()]
    chosen += [Peer()] if options.full else []
    # This build last: the old one goes through the same place of cargo's.
    for contender in reversed(chosen):
        print(f"bench: builds what is missing: {contender.title}", flush=True)
        try:
            contender.build()
            built.insert(0, contender)
        except Failed as error:
            if contender.key == "new":
                raise
            print(f"bench: without {contender.title}: {error}", file=sys.stderr)
    return built


def measure(bench, options):
    """All parts of a run; of a full one those that are there are not measured again."""
    contenders = bench.contenders
    if not options.full:
        figures = bench.repetition(contenders)
        larger = [int(size) for size in (options.sizes or "").split(",") if size]
        sizes = {"new": {size: [bench.size(contenders[0], size)] for size in larger}} if larger else {}
        return {key: [found] for key, found in figures.items()}, sizes
    # What is kept of a run that was broken off is of these very programs, this benchmark and these numbers.
    programs = [contender.binary for contender in contenders] + [bench.sim]
    own = sorted((ROOT / "bench").rglob("*.py"))
    kept = Kept(digest_of(programs + own, f"{options.users} {options.behind}"))
    runs, sizes = {contender.key: [] for contender in contenders}, {}
    for number in (1, 2, 3):
        order = contenders[::-1] if number == 2 else contenders
        for key, figures in kept.part(f"all-{number}", lambda: bench.repetition(order)).items():
            runs[key].append(figures)
        for contender in order:
            for users in SIZES[contender.key]:
                found = kept.part(f"{contender.key}-{users}-{number}", lambda: bench.size(contender, users))
                sizes.setdefault(contender.key, {}).setdefault(users, []).append(found)
    return runs, sizes


def main():
    as_signals_end()
    os.chdir(ROOT)
    options = arguments()
    print("bench: builds what is missing: the control plane and transfer-sim", flush=True)
    run("tools/build-kube", "etcd", "kube-apiserver", "kubectl")
    sim = simulator()
    contenders = contenders_of(options)
    results = {"machine": report.machine(), "users": options.users, "repetitions": 3 if options.full else 1}
    bench = Bench(options, contenders, sim)
    results["titles"] = {contender.key: contender.title for contender in contenders}
    results["runs"], results["sizes"] = measure(bench, options)
    results["minutes"] = (time.monotonic() - bench.begun) / 60
    results["load_after"] = [round(value, 2) for value in os.getloadavg()]
    name = datetime.date.today().isoformat() + ("-full" if options.full else "")
    page = report.write(name, results)
    print(page.read_text())
    lost = table.missed(table.medians(results["runs"]["new"]))
    print(f"bench: written to bench/results/{name}.{{json,md}}; targets missed: {len(lost)}")
    for title in lost:
        print(f"  {title}")


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit("bench: broken off; a full run goes on where it was")
