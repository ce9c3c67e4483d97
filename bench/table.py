"""The table: what is wanted, what the build of issue 13 was recorded with, and what each contender came to in this run.
Pure: figures go in, Markdown comes out."""

import dataclasses
import statistics
from typing import Callable, Optional

MIB = "MiB"


@dataclasses.dataclass(frozen=True)
class Row:
    """One line. `value` takes it out of a contender's figures (KeyError and TypeError: not measured)."""

    title: str
    target: str
    recorded: str
    value: Callable
    form: str = "{:.2f}"
    within: Optional[Callable] = None

    def show(self, figures):
        try:
            value = self.value(figures)
            return (
                "–"
                if value is None
                else self.form.format(*value) if isinstance(value, tuple) else self.form.format(value)
            )
        except (KeyError, TypeError):
            return "–"

    def missed(self, figures):
        """Whether the target is missed; None where there is no target or no figure."""
        try:
            return None if self.within is None else not self.within(self.value(figures))
        except (KeyError, TypeError):
            return None


def at_most(limit):
    return lambda value: value <= limit


def both(first, second):
    return lambda value: value[0] <= first and value[1] <= second


def edits_during(check, rate=10):
    """The rows of edits during a check, at this rate of AWS."""
    first, update = (2 / rate, 5 / rate), (4 / rate + 0.05, 8 / rate + 0.1)
    ends = lambda which: lambda f: (f[check][which]["p50"], f[check][which]["p99"])
    name = {"sweep_start": "after a start, as shipped", "sweep_wall": "check of all at the wall"}[check]
    recorded = {"sweep_start": ("–", "p50 16.3, p99 98 (36 edits)"), "sweep_wall": ("–", "16 of 40 never served")}[
        check
    ]
    form = "p50 {:.2f}, p99 {:.2f}"
    return [
        Row(
            f"Edit, {name}: first call, s",
            f"p50 ≤ {first[0]:.2f}, p99 ≤ {first[1]:.2f}",
            recorded[0],
            ends("first_call"),
            form,
            both(*first),
        ),
        Row(
            f"Edit, {name}: UpdateUser, s",
            f"p50 ≤ {update[0]:.2f}, p99 ≤ {update[1]:.2f}",
            recorded[1],
            ends("update"),
            form,
            both(*update),
        ),
        Row(
            f"Edit, {name}: not served",
            "0 of 60",
            "–",
            lambda f: (f[check]["unserved"], f[check]["edits"]),
            "{} of {}",
            lambda v: v[0] == 0,
        ),
    ]


def behind(rate, recorded, share):
    """The rows of a convergence behind a rate."""
    of = lambda name: lambda f: f[f"rate_{rate}"][name]
    return [
        Row(
            f"Converge behind {rate}/s: time × (N − burst)/R",
            "≤ 1.07",
            recorded[0],
            of("times_ideal"),
            within=at_most(1.07),
        ),
        Row(
            f"Converge behind {rate}/s: throttled share, %",
            f"≤ {share}",
            recorded[1],
            lambda f: 100 * f[f"rate_{rate}"]["throttled_share"],
            "{:.1f}",
            at_most(share),
        ),
        Row(
            f"Converge behind {rate}/s: object writes per user",
            "≤ 2.05",
            recorded[2],
            of("object_writes_per_user"),
            within=at_most(2.05),
        ),
    ]


def heavy(which):
    return lambda figures: (figures["sweep_heavy"][which]["p50"], figures["sweep_heavy"][which]["p99"])


ROWS = [
    Row(
        "AWS calls per converged user, 1 key",
        "≤ 1.05",
        "2.0",
        lambda f: f["converge"]["calls_per_user"],
        within=at_most(1.05),
    ),
    Row(
        "AWS calls per converged user, 3 keys",
        "≤ 3.05",
        "7.0",
        lambda f: f["many_keys"]["calls_per_user"],
        within=at_most(3.05),
    ),
    Row("AWS calls per edit of a role", "≤ 2", "4.0", lambda f: f["idle_edits"]["calls_per_edit"], within=at_most(2)),
    Row(
        "Object writes per user", "≤ 2.05", "2", lambda f: f["converge"]["object_writes_per_user"], within=at_most(2.05)
    ),
    Row("Events per user", "≤ 1", "1", lambda f: f["converge"]["events_per_user"], within=at_most(1)),
    Row(
        "API-server GETs per mutation",
        "≤ 1.05",
        "5 a user",
        lambda f: f["converge"]["gets_per_mutation"],
        within=at_most(1.05),
    ),
    Row(
        "Status writes per edit; Events",
        "≤ 2; 1",
        "2; 1",
        lambda f: (f["idle_edits"]["object_writes_per_edit"], f["idle_edits"]["events_per_edit"]),
        "{:.2f}; {:.2f}",
        both(2, 1),
    ),
    Row(
        "AWS calls an hour at rest (observed over 5 minutes, × 12)",
        "≤ 1,000 at 10,000",
        "6.3 a user",
        lambda f: f["rest"]["calls_per_hour"],
        "{:,.0f}",
        at_most(1000),
    ),
    Row(
        "Object writes and Events at rest",
        "0",
        "0",
        lambda f: (f["rest"]["object_writes"], f["rest"]["events"]),
        "{}; {}",
        both(0, 0),
    ),
    Row("CPU at rest, % of a core", "≤ 0.5", "–", lambda f: f["rest"]["cpu_percent"], within=at_most(0.5)),
    *edits_during("sweep_start"),
    *edits_during("sweep_wall"),
    Row("The same with a heavy tail: first call, s", "–", "–", heavy("first_call"), "p50 {:.2f}, p99 {:.2f}"),
    Row("The same with a heavy tail: UpdateUser, s", "–", "–", heavy("update"), "p50 {:.2f}, p99 {:.2f}"),
    *behind(5, ("3.4", "57", "6.7"), 6),
    *behind(20, ("2.9", "20", "10.3 (wide)"), 5),
    Row(
        "Cold start in sync: until all are judged, s",
        "5 at 10,000",
        "10.8",
        lambda f: f["cold"]["seconds"],
        within=at_most(5),
    ),
    Row(
        "Cold start in sync: AWS calls",
        "4 + one for 1,000 users",
        "1,003",
        lambda f: f["cold"]["calls_in_all"],
        "{:,.0f}",
        within=None,
    ),
    Row("Cold start in sync: object writes", "0", "0", lambda f: f["cold"]["object_writes"], "{:,.0f}", at_most(0)),
    Row("Cold start in sync: CPU-s", "3 at 10,000", "4.3", lambda f: f["cold"]["cpu_seconds"], within=at_most(3)),
    Row("RSS without objects, MiB", "≤ 16", "19", lambda f: f["memory_0"]["rss"], "{:.0f}", at_most(16)),
    Row("RSS at rest, MiB", "≤ 26 at 1,000", "30 to 35", lambda f: f["rest"]["memory"]["rss"], "{:.0f}", at_most(26)),
    Row(
        "Leader killed: until the next call, s",
        "≤ 17",
        "17.4 to 19.6",
        lambda f: max(f["leader_loss"]["kill"]),
        "{:.1f}",
        at_most(17),
    ),
    Row(
        "Leader told to end: until the next call, s",
        "≤ 2",
        "3.2 to 4.4",
        lambda f: max(f["leader_loss"]["term"]),
        "{:.1f}",
        at_most(2),
    ),
    Row("Binary, MB", "≤ 15", "16.6", lambda f: f["binary"] / 1e6, "{:.2f}", at_most(15)),
    Row(
        "Edit when idle: first call, ms (p50, p99)",
        "no slower than 3fb8c8c",
        "25, 57",
        lambda f: ms(f["idle_edits"]["first_call"]),
        "{:.0f}, {:.0f}",
    ),
    Row(
        "Edit when idle: UpdateUser, ms (p50, p99)",
        "no slower than 3fb8c8c",
        "64, 143",
        lambda f: ms(f["idle_edits"]["update"]),
        "{:.0f}, {:.0f}",
    ),
    Row(
        "Edit when idle: Ready again, ms (p50, p99)",
        "no slower than 3fb8c8c",
        "104, 222",
        lambda f: ms(f["idle_edits"]["settled"]),
        "{:.0f}, {:.0f}",
    ),
    Row(
        "CPU-s per 1,000 users converged",
        "–",
        "10.3 to 10.9",
        lambda f: 1000 * f["converge"]["cpu_seconds"] / f["converge"]["users"],
    ),
]


def ms(spread):
    return 1000 * spread["p50"], 1000 * spread["p99"]


def medians(runs):
    """The same figures with the median of each number; of lists and texts the first run's."""
    first = runs[0]
    if isinstance(first, dict):
        return {key: medians([run[key] for run in runs if key in run]) for key in first}
    numbers = [run for run in runs if isinstance(run, (int, float)) and not isinstance(run, bool)]
    return statistics.median(numbers) if numbers and len(numbers) == len(runs) else first


def markdown(titles, figures, judged, rows=None):
    """The table of contenders by key; `judged` is the one whose misses are told."""
    rows = ROWS if rows is None else rows
    head = ["Row", "Target", "3fb8c8c as recorded", *titles.values()]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        shown = [row.show(figures.get(key, {})) for key in titles]
        if row.missed(figures.get(judged, {})):
            at = list(titles).index(judged)
            shown[at] = f"**{shown[at]}** missed"
        lines.append("| " + " | ".join([row.title, row.target, row.recorded, *shown]) + " |")
    return "\n".join(lines) + "\n"


def missed(figures):
    """The titles of the rows whose target these figures miss."""
    return [row.title for row in ROWS if row.missed(figures)]
