"""Line charts as SVG, with what the pages need and no more. Pure: numbers go in, text comes out."""

import html
import math

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 90
#: Told apart by people who do not see red and green as different, and on paper.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555")


def ticks(top, count=5):
    """Round steps from 0 to at least `top`."""
    if top <= 0:
        return [0, 1]
    rough = top / count
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    return [step * index for index in range(math.ceil(top / step - 1e-9) + 1)]


def label(value):
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.3g}"


def chart(title, across, up, series):
    """`series` is a list of (name, [(x, y), ...]); both axes begin at 0."""
    points = [point for _, all_of in series for point in all_of] or [(1, 1)]
    xs, ys = ticks(max(x for x, _ in points)), ticks(max(y for _, y in points))

    def place(x, y):
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * x / xs[-1],
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / ys[-1],
        )

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(WIDTH / 2, 20, title, "middle", 'font-size="15"'),
    ]
    for y in ys:
        (x1, at), (x2, _) = place(0, y), place(xs[-1], y)
        lines += [f'<path d="M{x1:.1f} {at:.1f}H{x2:.1f}" stroke="#ddd"/>', text(x1 - 6, at + 4, label(y), "end")]
    for x in xs:
        at, bottom = place(x, 0)
        lines.append(text(at, bottom + 18, label(x), "middle"))
    lines.append(text(WIDTH / 2, HEIGHT - BOTTOM + 38, across, "middle"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    lines.append(text(16, middle, up, "middle", f'transform="rotate(-90 16 {middle})"'))
    for index, (name, all_of) in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in all_of)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        at = LEFT + index * (WIDTH - LEFT - RIGHT) / max(1, len(series))
        lines.append(f'<rect x="{at:.1f}" y="{HEIGHT - 26}" width="14" height="4" fill="{colour}"/>')
        lines.append(text(at + 20, HEIGHT - 20, name, "start"))
    return "\n".join([*lines, "</svg>"]) + "\n"


def text(x, y, words, anchor, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{html.escape(words)}</text>'


def distribution(values):
    """How large a share is served within which time: points for a chart."""
    ordered = sorted(values)
    return [(value, 100 * (index + 1) / len(ordered)) for index, value in enumerate(ordered)]
