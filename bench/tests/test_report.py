"""The table, the plots, and what is told of the binary."""

import json
import xml.etree.ElementTree

from bench import binary, growth, plane, svg, table

FIGURES = {
    "converge": {"calls_per_user": 1.04, "object_writes_per_user": 3.0, "cpu_seconds": 7, "users": 100},
    "sweep_wall": {
        "first_call": {"p50": 0.1, "p99": 9, "n": 60},
        "update": {"p50": 0.1, "p99": 0.2, "n": 60},
        "edits": 60,
        "unserved": 0,
    },
}


def test_a_target_that_is_missed_is_told_and_what_was_not_measured_is_not():
    text = table.markdown({"new": "this build", "old": "that"}, {"new": FIGURES}, "new")
    lines = {line.split("|")[1].strip(): line for line in text.splitlines()}
    assert "| 1.04 | – |" in lines["AWS calls a user, 1 key"]
    assert "| **3.00** missed | – |" in lines["Object writes a user"]
    assert "missed" not in lines["Binary, MB"]
    assert table.missed(FIGURES) == ["Object writes a user", "Edit at the wall: first call, s"]


def test_an_edit_that_is_never_served_is_no_fast_one():
    few = {"sweep_wall": {**FIGURES["sweep_wall"], "update": {"p50": 0.1, "p99": 0.2, "n": 59}, "unserved": 1}}
    assert "Edit at the wall: UpdateUser, s" in table.missed(few)
    assert "Edit at the wall: UpdateUser, s" not in table.missed(FIGURES)


def test_where_no_edit_was_served_the_rows_are_missed_and_shown_without_a_figure():
    none = {"n": 0, "p50": None, "p99": None, "max": None}
    figures = {"sweep_wall": {"first_call": none, "update": none, "edits": 60, "unserved": 60}}
    rows = [f"Edit at the wall: {what}" for what in ("first call, s", "UpdateUser, s", "not served")]
    assert table.missed(figures) == rows
    assert "| – |" in table.markdown({"old": "that"}, {"old": figures}, "old")


def test_a_larger_fleet_has_targets_of_its_own():
    figures = {"rest": {"memory": {"rss": 69}}, "cold": {"seconds": 6}}
    rows = {row.title: row for row in table.rows_at(10_000)}
    assert not rows["RSS at rest, MiB"].missed(figures)
    assert rows["Cold start in sync: all judged after, s"].missed(figures)
    assert set(table.AT_SIZE[10_000]) <= set(rows)


def test_growth_is_told_beside_linear_and_beside_the_same():
    few = {"memory_0": {"rss": 10}, "rest": {"memory": {"rss": 20}}, "idle_edits": {"first_call": {"p50": 0.01}}}
    many = {"rest": {"memory": {"rss": 130}}, "idle_edits": {"first_call": {"p50": 0.012}}}
    found = {what: (round(factor, 3), limit) for what, factor, limit in growth.growth(1_000, few, 10_000, many)}
    assert found == {"Memory of the users": (1.2, 1.1), "Idle edit: first call, p50": (1.2, 1.3)}
    lines = growth.markdown(1_000, few, {"10000": many}).splitlines()
    assert lines[2:] == [
        "| Memory of the users | 1.1 | **1.20** missed |",
        "| Idle edit: first call, p50 | 1.3 | 1.20 |",
    ]
    assert growth.markdown(1_000, few, {}) == ""


def test_repetitions_come_to_the_median_of_each_number():
    runs = [{"a": {"b": 1}, "c": [1]}, {"a": {"b": 9}, "c": [2]}, {"a": {"b": 2}, "c": [3]}]
    assert table.medians(runs) == {"a": {"b": 2}, "c": [1]}


def test_a_chart_is_xml_and_keeps_its_points_within_the_frame():
    drawn = svg.chart("A & B", "x", "y", [("one", [(0, 0), (10, 37)]), ("none", [])])
    root = xml.etree.ElementTree.fromstring(drawn)
    lines = [line.get("points") for line in root.iter("{http://www.w3.org/2000/svg}polyline")]
    points = [tuple(map(float, point.split(","))) for point in lines[0].split()]
    assert len(lines) == 2
    assert all(svg.LEFT <= x <= svg.WIDTH - svg.RIGHT and svg.TOP <= y <= svg.HEIGHT - svg.BOTTOM for x, y in points)
    assert svg.ticks(37) == [0, 10, 20, 30, 40]
    assert svg.ticks(40) == [0, 10, 20, 30, 40]
    assert svg.distribution([2, 1]) == [(1, 50), (2, 100)]


def test_symbols_are_added_up_by_whose_they_are():
    nm = "\n".join(
        [
            "0000000000001000 0000000000000010 t <aws_sdk_transfer::Client as core::fmt::Debug>::fmt",
            "0000000000001010 0000000000000020 T core::fmt::write",
            "0000000000001030 0000000000000001 T main",
            "0000000000001031 00000000000000ff b transfer_operator::ZEROED",
            "                 U malloc",
        ]
    )
    families = dict(binary.by_family(binary.symbols(nm)))
    assert families == {"AWS SDK (aws_*)": 16, "Rust's own library": 32, binary.C_CODE: 1}
    assert binary.crate_of("&mut dyn kube_client::Service::call") == "kube_client"
    assert binary.sections(".text  2000000  4096\n.bss  9  0\nTotal  2000009\n") == [(".text", 2000000)]


def test_the_audit_log_is_read_on_also_across_a_rotation(tmp_path):
    def event(name):
        where = {
            "resource": "transferusers",
            "apiGroup": "transfer-operator.dev",
            "name": name,
            "subresource": "status",
        }
        time = "2026-11-29T18:00:00.123456Z"
        return (
            json.dumps(
                {"requestReceivedTimestamp": time, "verb": "patch", "user": {"username": "x"}, "objectRef": where}
            )
            + "\n"
        )

    log, audit = tmp_path / "audit.log", plane.Audit(tmp_path)
    assert audit.mark() == 0
    log.write_text(event("a") + event("b")[:20])
    assert [e["name"] for e in audit.read()] == ["a"]
    mark = audit.mark()
    log.write_text(event("a") + event("b"))
    log.rename(tmp_path / "audit-2026-11-29T18-00-01.000.log")
    log.write_text(event("c"))
    assert [e["name"] for e in audit.since(mark)] == ["b", "c"]
    assert audit.events[0]["resource"] == "transferusers/status"
    assert round(audit.events[0]["time"] % 1, 3) == 0.123
