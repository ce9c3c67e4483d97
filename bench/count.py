"""Counts of the two logs, and percentiles. Pure: lists go in, numbers come out."""

import collections
import math

OURS = "transfer-operator.dev"
WRITES = ("create", "update", "patch", "delete")
THROTTLED = "ThrottlingException"
#: Calls that change something; reads begin otherwise.
CHANGING = ("Create", "Update", "Delete", "Import", "Start", "Stop", "Tag", "Untag")


def percentile(values, percent):
    """The smallest value that so many percent do not exceed; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def spread(values):
    """What a row shows of measured values."""
    ends = {"n": len(values), "p50": percentile(values, 50), "p99": percentile(values, 99)}
    return {**ends, "max": max(values, default=None)}


def by_operation(calls):
    """How often each operation was called, and throttled."""
    made = collections.Counter(call["operation"] for call in calls)
    return dict(sorted(made.items()))


def mutations(calls):
    return sum(1 for call in calls if call["operation"].startswith(CHANGING))


def listings(calls):
    """Calls that are about many: they come by the clock, and so in every window of their interval."""
    return sum(
        1 for call in calls if call["operation"].startswith(("List", "Get")) and call["operation"] != "ListHostKeys"
    )


def throttled(calls):
    return sum(1 for call in calls if call["outcome"] == THROTTLED)


def object_writes(requests):
    """Writes of our kinds, with their status, whatever came of them."""
    return sum(1 for r in requests if r["group"] == OURS and r["verb"] in WRITES)


def conflicts(requests):
    return sum(1 for r in requests if r["group"] == OURS and r["code"] == 409)


def events(requests):
    return sum(1 for r in requests if r["resource"] == "events" and r["verb"] in WRITES)


def gets(requests):
    """Live reads of one object, of whatever kind but leases, which are read by the clock."""
    return sum(1 for r in requests if r["verb"] == "get" and r["resource"] != "leases")


def lists(requests):
    """Listings, which come with a start."""
    return sum(1 for r in requests if r["verb"] == "list")


def written(requests):
    """What the API server was asked, by kind of request."""
    kinds = {"object_writes": object_writes, "conflicts": conflicts, "events": events, "gets": gets, "lists": lists}
    return {name: function(requests) for name, function in kinds.items()}


def per_second(calls, start, end):
    """How many calls AWS took, and how many it throttled, in each second."""
    taken, refused = [0] * math.ceil(end - start), [0] * math.ceil(end - start)
    for call in calls:
        second = math.floor(call["time"] - start)
        if 0 <= second < len(taken):
            (refused if call["outcome"] == THROTTLED else taken)[second] += 1
    return taken, refused


def edit_latencies(edits, calls):
    """From each edit to the first call about its user, and to the UpdateUser that brings the new role; with how many of
    them that never came."""
    about = collections.defaultdict(list)
    for call in calls:
        if call["user"]:
            about[call["user"]].append(call)
    first, update = [], []
    for edit in edits:
        after = [call for call in about[edit["user"]] if call["time"] >= edit["time"]]
        first.extend(call["time"] - edit["time"] for call in after[:1])
        brought = [
            c for c in after if c["operation"] == "UpdateUser" and c["outcome"] == "ok" and c["role"] == edit["role"]
        ]
        update.extend(call["time"] - edit["time"] for call in brought[:1])
    return first, update


def first_of(calls, operation, outcome=None):
    """When an operation was first called; None where it was not."""
    return next((c["time"] for c in calls if c["operation"] == operation and outcome in (None, c["outcome"])), None)


def last_of(calls, operation, outcome=None):
    return first_of(list(reversed(calls)), operation, outcome)


def all_judged(calls, judged_by, users, page=1000):
    """When a start had looked at all users: by the last page of a listing, or by a Describe of each; None if not."""
    if judged_by == "list":
        pages = [call["time"] for call in calls if call["operation"] == "ListUsers" and call["outcome"] == "ok"]
        needed = math.ceil(users / page)
        return pages[needed - 1] if len(pages) >= needed else None
    seen = set()
    for call in calls:
        if call["operation"] == "DescribeUser" and call["outcome"] == "ok":
            seen.add(call["user"])
            if len(seen) >= users:
                return call["time"]
    return None
