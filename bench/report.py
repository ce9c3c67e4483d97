"""Writes what was measured: results/<date>.json with every figure, the table, and the plots."""

import json
import os
import platform

from . import growth, svg, table
from .process import ROOT, run

RESULTS = ROOT / "bench/results"


def machine():
    """Versions, cores and load: without them a time says nothing."""
    model = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    pinned = (ROOT / "tools/kube/go.mod").read_text()
    version = lambda module: next(line.split()[1] for line in pinned.splitlines() if line.strip().startswith(module))
    return {
        "commit": run("git", "rev-parse", "--short", "HEAD"),
        "changed_files": len(run("git", "status", "--porcelain", "--untracked-files=no").splitlines()),
        "rust": run("rustc", "--version"),
        "kube_apiserver": version("k8s.io/kubernetes"),
        "etcd": version("go.etcd.io/etcd/server/v3"),
        "python": platform.python_version(),
        "kernel": platform.release().split("-")[0],
        "processor": model,
        "cores": os.cpu_count(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }


def write(name, results):
    """All files of a run, under this name."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(rounded(results)) + "\n")
    figures = {key: table.medians(runs) for key, runs in results["runs"].items()}
    plots = {file: drawn for file, drawn in drawings(results["titles"], figures).items() if drawn}
    for file, drawn in plots.items():
        (RESULTS / f"{name}-{file}.svg").write_text(drawn)
    (RESULTS / f"{name}.md").write_text(page(name, results, figures, plots))
    return RESULTS / f"{name}.md"


def rounded(value):
    """The same with floats of four digits: what is beyond was not measured."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


def page(name, results, figures, plots):
    """The Markdown of a run."""
    about = results["machine"]
    titles = results["titles"]
    lines = [
        f"# Benchmark of {name[:10]}",
        "",
        f"Commit {about['commit']}"
        + (f" with {about['changed_files']} files changed" if about["changed_files"] else "")
        + f"; {results['users']:,} users, {results['repetitions']} repetition(s), {results['minutes']:.0f} minutes. "
        f"{about['rust']}, kube-apiserver {about['kube_apiserver']}, etcd {about['etcd']}, Linux {about['kernel']}, "
        f"{about['cores']} cores of {about['processor']}; load average {about['load_before'][0]} before and "
        f"{results['load_after'][0]} after. Method: [bench/README.md](../README.md).",
        "",
        table.markdown(titles, figures, "new"),
        "",
    ]
    lines += [f"![{file.replace('-', ' ')}]({name}-{file}.svg)\n" for file in plots]
    for key, by_size in results.get("sizes", {}).items():
        for size, runs in by_size.items():
            lines += [
                f"## {titles[key]}: {int(size):,} users",
                "",
                sizes_table(titles[key], int(size), table.medians(runs)),
                "",
            ]
        larger = {size: table.medians(runs) for size, runs in by_size.items()}
        grown = growth.markdown(results["users"], figures[key], larger)
        lines += [f"## {titles[key]}: growth", "", grown, ""] if grown else []
    return "\n".join(lines)


def sizes_table(title, users, figures):
    """The rows of which there are figures, with the targets of that size."""
    rows = [row for row in table.rows_at(users) if row.show(figures) != "–"]
    return table.markdown({"new": title}, {"new": figures}, "new", rows)


def drawings(titles, figures):
    """The plots, by the end of their file's name; None where nothing was measured for one."""
    return {
        "rate": rate_plot(titles, figures),
        "edits": edits_plot(titles, figures),
        "memory": memory_plot(titles, figures),
    }


def rate_plot(titles, figures):
    """Calls that AWS took in each second against what it allows."""
    series, longest = [], 0
    for key, title in titles.items():
        taken = figures.get(key, {}).get("rate_5", {}).get("taken_per_second")
        if taken:
            series.append((title, list(enumerate(smooth(taken)))))
            longest = max(longest, len(taken))
    if not series:
        return None
    return svg.chart(
        "Calls a second behind 5/s",
        "seconds",
        "calls that AWS took (mean of 5 s)",
        [*series, ("allowed", [(0, 5), (longest, 5)])],
    )


def smooth(values, width=5):
    """The mean of each value and those before it."""
    windows = [values[max(0, index - width + 1) : index + 1] for index in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def edits_plot(titles, figures):
    """How large a share of edits is in AWS after how long, while a check runs."""
    series = []
    for key, title in titles.items():
        latencies = figures.get(key, {}).get("sweep_wall", {}).get("latencies")
        if latencies:
            edits = figures[key]["sweep_wall"]["edits"]
            served = len(latencies) / edits
            series.append((title, [(x, y * served) for x, y in svg.distribution(latencies)]))
    return (
        svg.chart("Edits during a check at AWS's wall (10/s)", "seconds until UpdateUser", "% of edits", series)
        if series
        else None
    )


def memory_plot(titles, figures):
    """Memory and processor time by the number of objects."""
    series = []
    for key, title in titles.items():
        points = figures.get(key, {}).get("by_objects", [])
        if points:
            series.append((f"{title}: RSS, MiB", [(point["users"], point["rss"]) for point in points]))
            series.append((f"{title}: CPU-s since start", [(point["users"], point["cpu"]) for point in points]))
    return svg.chart("Memory and processor while users are created", "users", "MiB, CPU-s", series) if series else None
