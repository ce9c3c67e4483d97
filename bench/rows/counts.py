"""What a user, an edit and a rest cost: counts of AWS's calls and of requests to the API server."""

import random
import threading
import time

from .. import count, objects
from ..objects import NAMESPACE
from ..kube import GROUP, path_of

#: Users with several keys, and how many: few are enough, since the count is exact.
MANY_KEYED, KEYS = 30, 3
#: Edits one after another while nothing else happens.
EDITS = 40
#: Sweeps of listings an hour, at most: every five minutes, and up to a tenth more.
SWEEPS = 12

RECONCILE_AT = "transfer-operator.dev/reconcile-at"


def converge(stage, users):
    """Applies users of one key each to a server that is there, until all are Ready."""
    mark, cpu, start = stage.mark(), stage.operator.cpu(), time.time()
    objects.put(stage.kube, [objects.user(name) for name in objects.names(users)])
    stage.watch.await_count(users, 1800 + users / 5, stage.tell)
    stage.settle()
    calls, requests = stage.since(mark)
    mutations = count.mutations(calls)
    return {
        "users": users,
        "seconds": last_create(calls) - start,
        "calls": count.by_operation(calls),
        "calls_per_user": len(calls) / users,
        "gets_per_mutation": count.gets(requests) / mutations,
        **per(users, requests),
        "cpu_seconds": stage.operator.cpu() - cpu,
    }


def last_create(calls):
    return count.last_of(calls, "CreateUser", "ok")


def per(users, requests):
    return {f"{name}_per_user": value / users for name, value in count.written(requests).items()}


def many_keys(stage):
    """The same for users with several keys."""
    before, mark = stage.watch.count(), stage.mark()
    names = objects.names(MANY_KEYED, "keys")
    objects.put(stage.kube, [objects.user(name, KEYS) for name in names])
    stage.watch.await_count(before + MANY_KEYED, 300)
    stage.settle()
    calls, requests = stage.since(mark)
    calls = [call for call in calls if call["user"] in names]
    requests = [r for r in requests if r["name"].rsplit(".", 1)[0] in names or r["resource"] == "events"]
    return {
        "keys": KEYS,
        "calls": count.by_operation(calls),
        "calls_per_user": len(calls) / MANY_KEYED,
        **per(MANY_KEYED, requests),
    }


def edit(stage, name, number):
    """Gives a user another role, and says when and which."""
    role = f"{objects.ROLE}-{number}"
    at = time.time()
    path = f"{GROUP}/namespaces/{NAMESPACE}/transferusers/{name}"
    changed = stage.kube.patch(path, {"spec": {"role": role}})
    return {"user": name, "time": at, "role": role, "generation": changed["metadata"]["generation"]}


def idle_edits(stage, users, edits=EDITS):
    """Edits one after another: what each costs, and how soon it is in AWS and in status."""
    mark, made, settled = stage.mark(), [], []
    for number, name in enumerate(random.Random(1).sample(objects.names(users), edits)):
        done = edit(stage, name, number)
        ready = stage.watch.await_generation(name, done["generation"], 30)
        settled.extend([ready - done["time"]] if ready else [])
        made.append(done)
        # No rhythm: with one, timers of the contender could fall into step with the edits.
        time.sleep(0.1 + random.Random(number).random() / 5)
    stage.settle()
    calls, requests = stage.since(mark)
    edited = {done["user"] for done in made}
    calls = [call for call in calls if call["user"] in edited]
    first, update = count.edit_latencies(made, calls)
    requests = [r for r in requests if r["name"] in edited or r["resource"] == "events"]
    return {
        "edits": edits,
        "calls": count.by_operation(calls),
        "calls_per_edit": len(calls) / edits,
        **{f"{name}_per_edit": value / edits for name, value in count.written(requests).items()},
        "first_call": count.spread(first),
        "update": count.spread(update),
        "settled": count.spread(settled),
    }


def look(stage):
    """Has every user looked at in full once, and then the server: until then ids of keys and the number of users are
    missing in status, and what is to be in sync for a rest or a start would still be written."""
    names, once = list(stage.watch.ready), {"metadata": {"annotations": {RECONCILE_AT: "once"}}}
    objects.patch_users(stage.kube, names, once)
    stage.settle(600)
    stage.kube.patch(path_of(objects.server()), once)
    stage.settle(600)


class Samples(threading.Thread):
    """Memory and processor time by the number of users that are Ready, while they become so."""

    def __init__(self, stage):
        super().__init__(daemon=True)
        self.stage, self.points, self.over = stage, [], threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def run(self):
        while not self.over.wait(1):
            users, rss, cpu = self.stage.watch.count(), self.stage.operator.memory()["rss"], self.stage.operator.cpu()
            if not self.points or users > self.points[-1]["users"]:
                self.points.append({"users": users, "rss": round(rss, 1), "cpu": cpu})


class Rest:
    """A time in which nobody does anything: begins when it is made, ends when it is asked for its figures."""

    def __init__(self, stage):
        self.stage = stage
        self.mark, self.cpu, self.start = stage.mark(), stage.operator.cpu(), time.time()

    def lasted(self):
        return time.time() - self.start

    def figures(self):
        calls, requests = self.stage.since(self.mark)
        seconds = self.lasted()
        users, sweeps = len(self.stage.watch.ready), sum(1 for call in calls if call["operation"] == "ListServers")
        # Of one sweep: a rest may hold two.
        listings = count.listings(calls) / max(1, sweeps)
        return {
            "users": users,
            "seconds": seconds,
            "calls": count.by_operation(calls),
            "calls_per_hour": listings * SWEEPS + self.stage.contender.looks(users),
            **{name: value for name, value in count.written(requests).items()},
            "cpu_percent": 100 * (self.stage.operator.cpu() - self.cpu) / seconds,
            "memory": self.stage.operator.memory(),
        }
