"""Draws the results, once for light pages and once for dark ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from measure import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGES = ROOT / "docs" / "images" / "benchmarks"
OURS, OTHERS, FLOOR = "#009688", "#9e9e9e", "#c9a227"
THEMES = {"light": "#24292f", "dark": "#e6edf3"}


def is_ours(name: str) -> bool:
    """Tell whether it is this project's."""
    return "bizkithub" in name or name.startswith("the command")


def dots(axes: Any, names: list[str], spreads: list[dict[str, float]], unit: str) -> None:
    """Draw a line from the least to the greatest of every figure, and a dot at its median, on a logarithmic scale."""
    for place, (name, values) in enumerate(zip(names, spreads, strict=True)):
        colour = OURS if is_ours(name) else FLOOR if name.startswith(("wrk", "reqwest")) else OTHERS
        axes.plot([values["least"], values["most"]], [place, place], color=colour, linewidth=2, alpha=0.5)
        axes.plot([values["median"]], [place], "o", color=colour, markersize=7)
        axes.annotate(
            f"{values['median']:,.3g}" if values["median"] < 1000 else f"{values['median']:,.0f}",  # noqa: PLR2004
            (values["most"], place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(names)), names)
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if is_ours(label.get_text()) else "normal")
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel(unit)
    axes.grid(axis="x", alpha=0.25)


def draw_calls(found: list[dict[str, Any]], figure: Any) -> None:
    """CPU a call, plain and 32 at a time, all languages."""
    cells = [
        cell for cell in found if (cell["protocol"], cell["at_once"]) == ("plain", 32) and "cpu_microseconds" in cell
    ]
    cells.sort(key=lambda cell: cell["cpu_microseconds"]["median"])
    names = [f"{cell['client']} ({cell['language']})" for cell in cells]
    dots(
        figure.subplots(),
        names,
        [cell["cpu_microseconds"] for cell in cells],
        "µs of CPU a call, HTTP/1.1, 32 at a time; less is better",
    )


def draw_jobs(found: list[dict[str, Any]], figure: Any) -> None:
    """CPU seconds of the job."""
    whole = max(job["rows"] for job in found)
    jobs = [job for job in found if job["rows"] == whole and "failed" not in job]
    jobs.sort(key=lambda job: job["cpu_seconds"]["median"])
    dots(
        figure.subplots(),
        [job["tool"] for job in jobs],
        [job["cpu_seconds"] for job in jobs],
        f"seconds of CPU for {whole:,} rows; less is better",
    )


def draw_plans(found: list[dict[str, Any]], figure: Any) -> None:
    """Seconds and memory of planning, by rows."""
    left, right = figure.subplots(1, 2)
    for contender in dict.fromkeys(plan["contender"] for plan in found):
        plans = [plan for plan in found if plan["contender"] == contender]
        style: dict[str, Any] = (
            {"color": OURS, "linewidth": 2.5, "zorder": 3} if is_ours(contender) else {"linewidth": 1.5, "alpha": 0.8}
        )
        rows = [plan["rows"] for plan in plans]
        left.plot(rows, [plan["seconds"]["median"] for plan in plans], "o-", label=contender, **style)
        right.plot(rows, [plan["megabytes"]["median"] for plan in plans], "o-", label=contender, **style)
    for axes, title in ((left, "seconds"), (right, "MB beside the input")):
        axes.set(xscale="log", yscale="log", xlabel="rows", ylabel=title)
        axes.grid(alpha=0.25)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=8)


def draw_growth(found: list[dict[str, Any]], figure: Any) -> None:
    """CPU a request and memory, by rows."""
    left, right = figure.subplots(1, 2)
    rows = [run["rows"] for run in found]
    for axes, key, title in ((left, "cpu_microseconds", "µs of CPU a request"), (right, "megabytes", "MB")):
        axes.plot(rows, [run[key]["median"] for run in found], "o-", color=OURS, linewidth=2)
        axes.fill_between(
            rows, [run[key]["least"] for run in found], [run[key]["most"] for run in found], color=OURS, alpha=0.2
        )
        axes.set(xscale="log", xlabel="rows, a customer each", ylabel=title)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)


DRAWINGS: dict[str, tuple[Callable[[Any, Any], None], float]] = {
    "calls": (draw_calls, 6.0),
    "jobs": (draw_jobs, 3.8),
    "plans": (draw_plans, 4.0),
    "growth": (draw_growth, 3.2),
}


def draw(found: dict[str, Any]) -> None:
    """Draw everything, as SVG whose texts are texts."""
    import matplotlib as mpl
    import matplotlib.figure

    IMAGES.mkdir(parents=True, exist_ok=True)
    for theme, colour in THEMES.items():
        settings: Any = {f"{part}.color": colour for part in ("text", "xtick", "ytick")}
        settings |= {
            "axes.edgecolor": colour,
            "axes.labelcolor": colour,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
        settings |= {"font.family": ["sans-serif"], "font.size": 9}
        # Texts stay texts, and the same figures make the same file.
        settings |= {"svg.fonttype": "none", "svg.hashsalt": "bizkithub"}
        with mpl.rc_context(settings):
            for name, (drawing, height) in DRAWINGS.items():
                figure = matplotlib.figure.Figure(figsize=(8.5, height), layout="constrained")
                drawing(found[name], figure)
                figure.savefig(IMAGES / f"{name}-{theme}.svg", transparent=True, metadata={"Date": None})
