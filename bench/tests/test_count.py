"""What is counted of the two logs, and how percentiles are taken."""

from bench import count


def call(time, operation, user=None, outcome="ok", role=None):
    return {"time": time, "operation": operation, "user": user, "outcome": outcome, "role": role}


def request(verb, resource="transferusers", group=count.OURS, code=200):
    return {"verb": verb, "resource": resource, "group": group, "code": code, "name": "u", "time": 0, "user": "x"}


def test_a_percentile_is_a_value_that_was_measured():
    hundred = list(range(1, 101))
    assert [count.percentile(hundred, p) for p in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert count.percentile([3, 1, 2], 50) == 2
    assert count.percentile([7], 99) == 7
    assert count.percentile([], 50) is None
    assert count.spread([]) == {"n": 0, "p50": None, "p99": None, "max": None}


def test_only_writes_of_our_kinds_are_object_writes_and_leases_are_no_reads():
    requests = [
        request("patch"),
        request("patch", "transferusers/status", code=409),
        request("get"),
        request("watch"),
        request("list"),
        request("create", "events", "events.k8s.io"),
        request("get", "leases", "coordination.k8s.io"),
        request("update", "leases", "coordination.k8s.io"),
    ]
    assert count.written(requests) == {"object_writes": 2, "conflicts": 1, "events": 1, "gets": 1, "lists": 1}


def test_calls_a_second_are_told_apart_from_throttled_ones():
    calls = [call(9.5, "A"), call(10.1, "A"), call(10.9, "A"), call(11.5, "A", outcome=count.THROTTLED), call(13.5, "A")]
    assert count.per_second(calls, 10, 13) == ([2, 0, 0], [0, 1, 0])
    assert count.throttled(calls) == 1
    assert count.listings([call(1, "ListUsers"), call(1, "ListHostKeys"), call(1, "DescribeUser")]) == 1
    assert count.mutations([call(1, "DescribeUser"), call(1, "CreateUser"), call(1, "TagResource")]) == 2


def test_an_edit_is_served_by_the_update_that_brings_its_role():
    edits = [{"user": "a", "time": 10, "role": "new"}, {"user": "b", "time": 10, "role": "new"}]
    calls = [
        call(9, "DescribeUser", "a"),
        call(11, "DescribeUser", "a"),
        call(12, "UpdateUser", "a", count.THROTTLED, "new"),
        call(13, "UpdateUser", "a", role="old"),
        call(14, "UpdateUser", "a", role="new"),
        call(15, "DescribeUser", "c"),
    ]
    assert count.edit_latencies(edits, calls) == ([1], [4])


def test_all_are_judged_by_the_last_page_or_by_the_last_describe():
    listed = [call(1, "ListUsers"), call(2, "ListUsers", outcome=count.THROTTLED), call(3, "ListUsers")]
    assert count.all_judged(listed, "list", 2000) == 3
    assert count.all_judged(listed, "list", 1000) == 1
    assert count.all_judged(listed, "list", 2001) is None
    described = [call(1, "DescribeUser", "a"), call(2, "DescribeUser", "a"), call(3, "DescribeUser", "b")]
    assert count.all_judged(described, "describe", 2) == 3
    assert count.all_judged(described, "describe", 3) is None
