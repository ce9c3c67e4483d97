"""Edits while a check of all users runs at AWS's wall: how long people wait for it."""

import random
import time

from .. import count, objects
from ..aws import CONSTANT
from .counts import edit

#: One a second, each to another user.
EDITS = 60
#: Calls a second that AWS takes meanwhile.
RATE = 10
#: Once all edits are made, the last get so long to be served.
PATIENCE = 60


def edits(stage, users, number):
    """Makes the edits, one a second, and waits for those that are not served yet."""
    made, numbers = [], random.Random(number)
    for index, name in enumerate(numbers.sample(objects.names(users), EDITS)):
        made.append(edit(stage, name, f"{number}-{index}"))
        time.sleep(0.5 + numbers.random())
    return made


def figures(stage, mark, made, rate):
    """Waits for what is not served, and tells what was seen."""
    deadline = time.monotonic() + PATIENCE
    while True:
        calls, requests = stage.since(mark)
        first, update = count.edit_latencies(made, calls)
        if len(update) == len(made) or time.monotonic() > deadline:
            break
        time.sleep(1)
    seconds = time.time() - made[0]["time"]
    return {
        "edits": len(made),
        "rate": rate,
        "calls_per_second": len([c for c in calls if c["time"] >= made[0]["time"]]) / seconds,
        "throttled_share": count.throttled(calls) / max(1, len(calls)),
        "first_call": count.spread(first),
        "update": count.spread(update),
        "unserved": len(made) - len(update),
        "latencies": sorted(update),
    }


def after_start(stage, users, rate=RATE):
    """As it is shipped: edits from the moment of a restart on, while everything is looked at for the first time."""
    stage.aws.limit(rate)
    mark = stage.mark()
    stage.restart()
    found = figures(stage, mark, edits(stage, users, 1), rate)
    stage.aws.limit(0)
    return found


def at_the_wall(stage, users, rate=RATE, latency=None):
    """Every user is to be looked at once a minute, which is more than the rate allows for 600 users and more: a check
    that never ends. With builds that know no `resyncInterval` the flag does it."""
    stage.restart(stage.contender.often)
    objects.patch_users(stage.kube, objects.names(users), {"spec": {"resyncInterval": "1m"}})
    stage.settle(600)
    if latency:
        stage.aws.config(latency=latency)
    stage.aws.limit(rate)
    # A whole period, so that all are due at least once.
    time.sleep(60)
    mark = stage.mark()
    found = figures(stage, mark, edits(stage, users, 2), rate)
    stage.aws.limit(0)
    stage.aws.config(latency=CONSTANT)
    return found
