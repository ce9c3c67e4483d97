"""How what a fleet costs grows with it: a larger size beside the size of the other rows. Pure: figures go in, Markdown
comes out."""

#: Times linear, that memory and a start may come to.
LINEAR = 1.1
#: Times the same, that an edit and the processor's time of one user may come to: more users are no reason for either.
SAME = 1.3


def growth(users, figures, size, larger):
    """`(what, factor, limit)` of a size beside that of `users`: 1 is linear, or for an edit and for the processor's time
    of one user the same. What was measured at one of them only is left out."""
    times = size / users
    without = figures.get("memory_0", {}).get("rss")
    ways = [
        ("Memory of the users", LINEAR, lambda: (rss(larger) - without) / (rss(figures) - without) / times),
        ("Start: time", LINEAR, lambda: larger["cold"]["seconds"] / figures["cold"]["seconds"] / times),
        ("Start: CPU-s a user", SAME, lambda: larger["cold"]["cpu_seconds"] / figures["cold"]["cpu_seconds"] / times),
        ("Idle edit: first call, p50", SAME, lambda: ratio("first_call", figures, larger)),
        ("Idle edit: UpdateUser, p50", SAME, lambda: ratio("update", figures, larger)),
    ]
    found = []
    for what, limit, way in ways:
        try:
            found.append((what, way(), limit))
        except (KeyError, TypeError, ZeroDivisionError):
            continue
    return found


def rss(figures):
    """Memory at rest."""
    return figures["rest"]["memory"]["rss"]


def ratio(what, figures, larger):
    """How many times the median of an edit is what it is among fewer."""
    return larger["idle_edits"][what]["p50"] / figures["idle_edits"][what]["p50"]


def markdown(users, figures, by_size):
    """A table of all larger sizes; empty where none was measured."""
    sizes = {int(size): growth(users, figures, int(size), one) for size, one in by_size.items()}
    limits = {what: limit for found in sizes.values() for what, _, limit in found}
    if not limits:
        return ""
    head = [f"Times what it is at {users:,}", "At most", *[f"{size:,} users" for size in sizes]]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for what, limit in limits.items():
        factors = [{name: factor for name, factor, _ in found}.get(what) for found in sizes.values()]
        shown = ["–" if factor is None else shown_as(factor, limit) for factor in factors]
        lines.append("| " + " | ".join([what, f"{limit}", *shown]) + " |")
    return "\n".join(lines) + "\n"


def shown_as(factor, limit):
    """A factor, and whether it is too much."""
    return f"{factor:.2f}" if factor <= limit else f"**{factor:.2f}** missed"
