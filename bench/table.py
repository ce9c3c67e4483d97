"""The table: what is wanted, what the build of issue 13 was recorded with, and what each contender came to in this run.
Pure: figures go in, Markdown comes out."""

import dataclasses
import math
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
        except (KeyError, TypeError):
            return "–"
        if value is None or (isinstance(value, tuple) and None in value):
            return "–"
        return self.form.format(*value) if isinstance(value, tuple) else self.form.format(value)

    def missed(self, figures):
        """Whether the target is missed; None where there is no target or no figure."""
        try:
            return None if self.within is None else not self.within(self.value(figures))
        except (KeyError, TypeError):
            return None


def of(*path):
    """What stands under these keys of the figures."""

    def value(figures):
        for key in path:
            figures = figures[key]
        return figures

    return value


def ends(*path):
    """Median and 99th percentile there."""
    return lambda figures: (of(*path)(figures)["p50"], of(*path)(figures)["p99"])


def at_most(limit):
    return lambda value: value <= limit


def both(first, second):
    return lambda value: value[0] <= first and value[1] <= second


def edits_during(check, name, recorded, rate=10):
    """The rows of edits during a check, at this rate of AWS."""
    first, update = (2 / rate, 5 / rate), (4 / rate + 0.05, 8 / rate + 0.1)
    target, form = "p50 ≤ {:.2f}, p99 ≤ {:.2f}", "p50 {:.2f}, p99 {:.2f} ({} of 60)"
    among = lambda which: lambda figures: (*ends(check, which)(figures), of(check, which, "n")(figures))
    # First how many were served: where none was there are no percentiles.
    within = lambda *limits: lambda value: value[2] == EDITS and both(*limits)(value)
    served = lambda figures: (figures[check]["unserved"], figures[check]["edits"])
    return [
        Row(f"{name}: first call, s", target.format(*first), "–", among("first_call"), form, within(*first)),
        Row(f"{name}: UpdateUser, s", target.format(*update), recorded, among("update"), form, within(*update)),
        Row(f"{name}: not served", "0 of 60", "–", served, "{} of {}", lambda value: value[0] == 0),
    ]


def behind(rate, times, share, writes, allowed):
    """The rows of a convergence behind a rate: what was recorded, and which share may be throttled."""
    here, name = f"rate_{rate}", f"Converge behind {rate}/s"
    percent = lambda figures: 100 * figures[here]["throttled_share"]
    return [
        Row(f"{name}: time × (N − burst)/R", "≤ 1.07", times, of(here, "times_ideal"), within=at_most(1.07)),
        Row(f"{name}: throttled, %", f"≤ {allowed}", share, percent, "{:.1f}", at_most(allowed)),
        Row(
            f"{name}: object writes a user", "≤ 2.05", writes, of(here, "object_writes_per_user"), within=at_most(2.05)
        ),
    ]


def ms(*path):
    """The same in milliseconds."""
    return lambda figures: tuple(1000 * value for value in ends(*path)(figures))


def edit_writes(figures):
    return figures["idle_edits"]["object_writes_per_edit"], figures["idle_edits"]["events_per_edit"]


def rest_writes(figures):
    return figures["rest"]["object_writes"], figures["rest"]["events"]


def cold_calls(figures):
    """Those made, and those that it takes."""
    return figures["cold"]["calls_in_all"], 4 + math.ceil(figures["cold"]["users"] / 1000)


def users_cpu(figures):
    return 1000 * figures["converge"]["cpu_seconds"] / figures["converge"]["users"]


#: As `rows/sweep.py` makes them; percentiles are of those that were served.
EDITS = 60
HEAVY = "The same with a heavy tail"
IDLE = "no slower than 3fb8c8c"
TWO = "{:.0f}, {:.0f}"
ROWS = [
    Row("AWS calls a user, 1 key", "≤ 1.05", "2.0", of("converge", "calls_per_user"), within=at_most(1.05)),
    Row("AWS calls a user, 3 keys", "≤ 3.05", "7.0", of("many_keys", "calls_per_user"), within=at_most(3.05)),
    Row("AWS calls an edit of a role", "≤ 2", "4.0", of("idle_edits", "calls_per_edit"), within=at_most(2)),
    Row("Object writes a user", "≤ 2.05", "2", of("converge", "object_writes_per_user"), within=at_most(2.05)),
    Row("Events a user", "≤ 1", "1", of("converge", "events_per_user"), within=at_most(1)),
    Row("API-server GETs a mutation", "≤ 1.05", "5 a user", of("converge", "gets_per_mutation"), within=at_most(1.05)),
    Row("Object writes, Events an edit", "≤ 2, ≤ 1", "2, 1", edit_writes, "{:.2f}, {:.2f}", both(2, 1)),
    Row(
        "AWS calls an hour at rest (derived)",
        "≤ 1,000",
        "6.3 a user",
        of("rest", "calls_per_hour"),
        "{:,.0f}",
        at_most(1000),
    ),
    Row("Object writes, Events in 6 min at rest", "0, 0", "0, 0", rest_writes, "{}, {}", both(0, 0)),
    Row("CPU at rest, % of a core", "≤ 0.5", "–", of("rest", "cpu_percent"), within=at_most(0.5)),
    *edits_during("sweep_start", "Edit after a start", "p50 16.3, p99 98"),
    *edits_during("sweep_wall", "Edit at the wall", "16 of 40 never"),
    Row(f"{HEAVY}: first call, s", "–", "–", ends("sweep_heavy", "first_call"), "p50 {:.2f}, p99 {:.2f}"),
    Row(f"{HEAVY}: UpdateUser, s", "–", "–", ends("sweep_heavy", "update"), "p50 {:.2f}, p99 {:.2f}"),
    *behind(5, "3.4", "57", "6.7", 6),
    *behind(20, "2.9 (wide)", "20 (wide)", "–", 5),
    Row("Cold start in sync: all judged after, s", "≤ 5", "10.8", of("cold", "seconds"), within=at_most(5)),
    Row("Cold start: AWS calls", "4, and 1 for 1,000 users", "1,003", cold_calls, "{0:,.0f}", lambda v: v[0] <= v[1]),
    Row("Cold start: object writes", "0", "0", of("cold", "object_writes"), "{:,.0f}", at_most(0)),
    Row("Cold start: CPU-s", "≤ 3", "4.3", of("cold", "cpu_seconds"), within=at_most(3)),
    Row("RSS without objects, MiB", "≤ 16", "19", of("memory_0", "rss"), "{:.1f}", at_most(16)),
    Row("RSS at rest, MiB", "≤ 26 at 1,000", "30 to 35", of("rest", "memory", "rss"), "{:.1f}", at_most(26)),
    Row(
        "Killed leader: next call, s",
        "≤ 17",
        "17.4 to 19.6",
        lambda f: max(f["leader_loss"]["kill"]),
        "{:.1f}",
        at_most(17),
    ),
    Row(
        "Leader after SIGTERM: next call, s",
        "≤ 2",
        "3.2 to 4.4",
        lambda f: max(f["leader_loss"]["term"]),
        "{:.1f}",
        at_most(2),
    ),
    Row("Binary, MB", "≤ 15", "16.6", lambda f: f["binary"] / 1e6, "{:.2f}", at_most(15)),
    Row("Idle edit: first call, ms (p50, p99)", IDLE, "25, 57", ms("idle_edits", "first_call"), TWO),
    Row("Idle edit: UpdateUser, ms (p50, p99)", IDLE, "64, 143", ms("idle_edits", "update"), TWO),
    Row("Idle edit: Ready again, ms (p50, p99)", IDLE, "104, 222", ms("idle_edits", "settled"), TWO),
    Row("CPU-s for 1,000 users converged", "–", "10.3 to 10.9", users_cpu),
]


#: What rows are wanted to come to, and 3fb8c8c was recorded with, at larger sizes. Where it was not, nothing stands.
AT_SIZE = {
    10_000: {
        "RSS at rest, MiB": ("≤ 70", "97", 70),
        "Cold start in sync: all judged after, s": ("≤ 5", "410", 5),
        "Cold start: AWS calls": ("14", "10,005", None),
        "Cold start: CPU-s": ("≤ 3", "295", 3),
        "AWS calls an hour at rest (derived)": ("≤ 1,000", "36,000 (its limit)", 1000),
    },
    50_000: {"RSS at rest, MiB": ("≤ 250", "–", 250)},
}


def rows_at(users):
    """The rows with the targets of that size; what is recorded of 1,000 users says nothing of it."""
    changed = AT_SIZE.get(users, {})
    for row in ROWS:
        target, recorded, limit = changed.get(row.title, (row.target, "–", None))
        within = row.within if limit is None else at_most(limit)
        yield dataclasses.replace(row, target=target, recorded=recorded, within=within)


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
