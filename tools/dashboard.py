#!/usr/bin/env python3
"""The dashboard for Grafana, from one table: what each panel is called, what it shows, and by which queries.

  tools/dashboard.py FILE   draws what the queries answered with in a test (tests/apiserver/dashboard.rs) for docs/metrics.md
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs/dashboard.svg"
#: As the test that wrote the file has it.
RATE_OVER = "30s"

#: Replicas tell the same of objects, and only the leader the rest.
CONDITIONS = "max by (kind, object_namespace, condition, status) (transfer_operator_object_conditions{%s})"
RATE = "rate(transfer_operator_%s[$__rate_interval])"
#: Names of these are everybody's, so only ours are taken.
OURS = "%s and on (job, instance) transfer_operator_leader"

#: Row, then its panels: title, what it says, unit, queries with their legends, and `stat` for one number.
ROWS = (
    ("At a glance", (
        ("Leaders", "One, or one of each shard.", "none", (("sum(transfer_operator_leader)", ""),), "stat"),
        ("Not ready", "Objects whose Ready is not True.", "none",
         (("sum(" + CONDITIONS % 'condition="Ready", status!="True"' + ")", ""),), "stat"),
        ("Stalled", "Objects that wait for a person.", "none",
         (('sum(max by (kind) (transfer_operator_objects{state="stalled"}))', ""),), "stat"),
        ("Oldest check", "How long ago the comparison with AWS was that is longest ago.", "s",
         (("max(transfer_operator_oldest_check_age_seconds)", ""),), "stat"),
        ("First key to end", "How long until the first SSH key of a user ends.", "s",
         (("min(transfer_operator_ssh_keys_first_expiry_timestamp_seconds) - time()", ""),), "stat"),
        ("First certificate to end", "How long until the first certificate for AS2 ends that none takes the place of.", "s",
         (("min(transfer_operator_certificates_first_expiry_timestamp_seconds) - time()", ""),), "stat"),
        ("Version", "What runs.", "none",
         (("max by (version) (transfer_operator_build_info)", "{{version}}"),), "stat"),
    )),
    ("Objects", (
        ("By state", "By the condition that speaks first.", "none",
         (("sum by (state) (max by (kind, state) (transfer_operator_objects))", "{{state}}"),)),
        ("Not ready, by namespace", "Objects whose Ready is not True.", "none",
         (("sum by (object_namespace) (" + CONDITIONS % 'condition="Ready", status!="True"' + ")",
           "{{object_namespace}}"),)),
        ("Other conditions", "There while they are true.", "none",
         (("sum by (condition) (" + CONDITIONS % 'condition!="Ready", status="True"' + ")", "{{condition}}"),)),
        ("Drift", "Differences that no edit brought about, within an hour.", "none",
         (("sum(increase(transfer_operator_drift_found_total[1h]))", "found"),
          ("sum(increase(transfer_operator_drift_corrected_total[1h]))", "put right"))),
    )),
    ("Reconciles", (
        ("By kind", "How many a second.", "ops",
         (("sum by (kind) (" + RATE % "passes_total" + ")", "{{kind}}"),)),
        ("By what they came to", "How many a second.", "ops",
         (("sum by (outcome) (" + RATE % "passes_total" + ")", "{{outcome}}"),)),
        ("How long they take", "99 of 100 are faster.", "s",
         (("histogram_quantile(0.99, sum by (le, kind) (" + RATE % "reconcile_duration_seconds_bucket" + "))",
           "{{kind}}"),)),
    )),
    ("AWS", (
        ("Calls", "How many a second.", "ops",
         (("sum by (operation) (" + RATE % "aws_calls_total" + ")", "{{operation}}"),)),
        ("Calls that failed", "How many a second, by what became of them.", "ops",
         (("sum by (operation, result) (" + RATE % 'aws_calls_total{result!="ok"}' + ")", "{{operation}} {{result}}"),)),
        ("How long calls take", "99 of 100 are faster. Without the wait at the gate.", "s",
         (("histogram_quantile(0.99, sum by (le, operation) (" + RATE % "aws_call_duration_seconds_bucket" + "))",
           "{{operation}}"),)),
        ("Rate that AWS takes", "As found out from what it throttles.", "ops",
         (("max by (account, region, class) (transfer_operator_gate_rate)", "{{account}} {{region}} {{class}}"),)),
        ("Calls that wait at the gate", "Now.", "none",
         (("sum by (class) (transfer_operator_gate_waiting)", "{{class}}"),)),
        ("How long they wait there", "On average.", "s",
         (("sum by (class) (" + RATE % "gate_wait_seconds_total" + ") / sum by (class) ("
           + RATE % "gate_permits_total" + ")", "{{class}}"),)),
        ("Throttled", "Which part of the calls AWS threw back.", "percentunit",
         (("sum by (account, region, class) (" + RATE % "gate_throttled_total" + ") / sum by (account, region, class) ("
           + RATE % "gate_permits_total" + ")", "{{account}} {{region}} {{class}}"),)),
    )),
    ("What waits for a person", (
        ("Orphans", "What AWS has with this cluster's tags and no object stands for.", "none",
         (("max by (account, region, kind) (transfer_operator_orphans)", "{{account}} {{region}} {{kind}}"),)),
        ("Unmanaged logins", "Users and accesses on our servers that no object stands for.", "none",
         (("max by (account, region) (transfer_operator_unmanaged_logins)", "{{account}} {{region}}"),)),
        ("Deletions held", "They wait for a yes.", "none",
         (("max by (identity) (transfer_operator_deletions_held)", "{{identity}}"),)),
        ("Credentials that fail", "1: AWS takes them no more.", "none",
         (("max by (identity) (transfer_operator_identity_breaker_open)", "{{identity}}"),)),
        ("Keys that end soon", "Within the expiry warning.", "none",
         (("max(transfer_operator_ssh_keys_expiring)", "SSH keys"),)),
        ("Host keys to confirm", "Their Secrets hold other keys by now.", "none",
         (("max by (object_namespace) (transfer_operator_host_keys_replaced)", "{{object_namespace}}"),)),
    )),
    ("The process", (
        ("Processor", "Of one processor.", "percentunit",
         ((OURS % "rate(process_cpu_seconds_total[$__rate_interval])", "{{instance}}"),)),
        ("Memory", "What is held.", "bytes", ((OURS % "process_resident_memory_bytes", "{{instance}}"),)),
        ("File descriptors", "Which part of those that may be open.", "percentunit",
         ((OURS % "process_open_fds / process_max_fds", "{{instance}}"),)),
    )),
)

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
#: Grafana divides the width by 24.
WIDTH = 24


def panel(number, title, says, unit, queries, kind="timeseries"):
    """A panel without its place."""
    made = {
        "id": number,
        "type": kind,
        "title": title,
        "description": says,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for at, (query, legend) in enumerate(queries)
        ],
    }
    if title == "Version":
        made["options"] = {"textMode": "name"}
    return made


def panels():
    """All of them, row by row: numbers six abreast, charts three."""
    number = top = 0
    for row, members in ROWS:
        number += 1
        yield {"id": number, "type": "row", "title": row, "collapsed": False, "panels": [],
               "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}}
        top += 1
        across, width, height = 0, 0, 0
        for member in members:
            number += 1
            width, height = (4, 4) if member[-1] == "stat" else (8, 8)
            if across + width > WIDTH:
                across, top = 0, top + height
            yield panel(number, *member) | {"gridPos": {"x": across, "y": top, "w": width, "h": height}}
            across += width
        top += height


def text():
    """The JSON that Grafana imports."""
    board = {
        "uid": "transfer-operator",
        "title": "transfer-operator",
        "tags": ["aws", "sftp"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]},
        "panels": list(panels()),
    }
    return json.dumps(board, indent=1, ensure_ascii=False) + "\n"


def drawn(answers):
    """An SVG of all panels, by the answers to their queries: three charts abreast."""
    sys.path.insert(0, str(ROOT))
    from bench import svg

    width, height = svg.WIDTH // 2, svg.HEIGHT // 2
    shapes, at = [], 0
    for row, members in ROWS:
        for title, _, unit, queries, *_ in members:
            series = [line for query in queries for line in lines(answers, *query)]
            start = min((x for _, points in series for x, _ in points), default=0)
            # Of large numbers a chart has no room for the noughts.
            unit, part = {"bytes": ("MiB", 2**20), "none": ("", 1)}.get(unit, (unit, 1))
            unit, part = ("days", 86400) if title in ("First key to end", "First certificate to end") else (unit, part)
            series = [(name, [(x - start, y / part) for x, y in points]) for name, points in series]
            # More have no room below.
            chart = svg.chart(f"{row}: {title}", "seconds", unit, series[:5])
            place = f'<svg x="{at % 3 * width}" y="{at // 3 * height}" width="{width}" height="{height}" '
            shapes.append(chart.replace("<svg ", place, 1))
            at += 1
    total = f'width="{3 * width}" height="{(at + 2) // 3 * height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {total}>\n' + "".join(shapes) + "</svg>\n"


def lines(answers, query, legend):
    """Name and points of each series that a query answered with; the liveliest first."""
    for answer in sorted(answers[query.replace("$__rate_interval", RATE_OVER)], key=lambda answer: -spread(answer)):
        name = re.sub(r"{{(\w+)}}", lambda label: answer["metric"].get(label[1], ""), legend) or "all"
        # One account and region: the rest is what differs.
        name = re.sub(r"^\d{12} [\w-]+ (?=\w)", "", name)
        yield name, points(answer)


def points(answer):
    return [(x, float(y)) for x, y in answer["values"] if y not in ("NaN", "+Inf")]


def spread(answer):
    heights = [y for _, y in points(answer)]
    return max(heights, default=0) - min(heights, default=0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    PICTURE.write_text(drawn(json.loads(pathlib.Path(sys.argv[1]).read_text())))
    print(f"dashboard: wrote {PICTURE.relative_to(ROOT)}")
