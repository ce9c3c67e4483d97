"""Starts: one in sync with AWS, one behind a rate that nobody knows, and one after the loss of a leader."""

import time
import urllib.request

from .. import count, objects
from ..process import await_that

#: How long after a start is looked for what it writes.
AFTERMATH = 15


def cold(stage, users, patience, args=()):
    """A restart while everything is in sync: until all users are judged, what that cost, and what it wrote."""
    mark = stage.mark()
    operator, at = stage.restart(args)
    judged = await_that(
        "the first look at all users", patience, lambda: operator.check() or _judged(stage, mark, users), pause=0.2
    )
    cpu = operator.cpu()
    calls, _ = stage.since(mark)
    within = [call for call in calls if at <= call["time"] <= judged]
    time.sleep(AFTERMATH)
    _, requests = stage.since(mark)
    requests = [r for r in requests if r["time"] >= at]
    return {
        "users": users,
        "first_call": min(call["time"] for call in within) - at,
        "seconds": judged - at,
        "calls": count.by_operation(within),
        "calls_in_all": len(within),
        "cpu_seconds": cpu,
        **count.written(requests),
        "memory": operator.memory(),
    }


def _judged(stage, mark, users):
    calls, _ = stage.since(mark)
    return count.all_judged(calls, stage.contender.judged_by, users)


def behind_rate(stage, rate, users, burst=10):
    """Converges users behind a rate that the contender has not met before. The server is there; the lease that could
    hand on what was learnt of rates is not."""
    stage.operator.terminate()
    stage.forget_leader()
    objects.put(stage.kube, [objects.user(name) for name in objects.names(users)])
    mark = stage.mark()
    stage.aws.limit(rate, burst)
    operator, at = stage.start()
    stage.watch.await_count(users, 60 + 10 * users / rate, stage.tell)
    stage.settle()
    calls, requests = stage.since(mark)
    start, end = count.first_of(calls, "CreateUser"), count.last_of(calls, "CreateUser", "ok")
    until = [call for call in calls if call["time"] <= end]
    taken, refused = count.per_second(until, start, end)
    ideal = (users - burst) / rate
    return {
        "users": users,
        "rate": rate,
        "burst": burst,
        "seconds": end - start,
        "from_start": end - at,
        "ideal_seconds": ideal,
        "times_ideal": (end - start) / ideal,
        "calls": count.by_operation(until),
        "throttled_share": count.throttled(until) / len(until),
        **{f"{name}_per_user": value / users for name, value in count.written(requests).items()},
        "taken_per_second": taken,
        "throttled_per_second": refused,
    }


def leader_loss(stage, times=1):
    """A standby beside the one that leads; from the signal to the one that leads until the next call."""
    figures = {"kill": [], "term": []}
    for signal in ["KILL", "TERM"] * times:
        leader = stage.operator
        standby, _ = stage.start()
        await_that("the standby's caches", 60, lambda: standby.check() or answers(standby, "/readyz"))
        time.sleep(3)
        stage.aws.calls()
        mark, at = stage.mark(), time.time()
        leader.signal(signal)
        leader.guard.wait(60)
        gone = time.time()
        call = await_that("a call of the standby", 60, lambda: next_call(stage, mark, at if signal == "KILL" else gone))
        figures[signal.lower()].append(call - at)
        stage.operator = standby
    return figures


def next_call(stage, mark, after):
    calls, _ = stage.since(mark)
    return next((call["time"] for call in calls if call["time"] > after), None)


def answers(process, path):
    """Whether a probe of the contender says yes."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{process.port}{path}", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
