"""Writes `docs/benchmarks.md` and its plots from the results."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plots
from calls import AT_ONCE, CLIENTS, PROTOCOLS
from measure import ROOT
from plots import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Spread = dict[str, float]

PAGE = ROOT / "docs" / "benchmarks.md"
TEMPLATE = Path(__file__).with_name("page.md")


def number(value: float) -> str:
    """Write a number with three digits that mean something."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{round(value, digits):,.{digits}f}" if digits else f"{value:,.0f}"


def spread(values: Spread, write: Callable[[float], str] = number) -> str:
    """Write a median with the least and the greatest, as far as they can be told from it."""
    least, median, most = (write(values[name]) for name in ("least", "median", "most"))
    return median if least == most else f"{median}<br><small>{least}&NoBreak;–&NoBreak;{most}</small>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table whose first column is text and whose others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def name(text: str) -> str:
    """Set ours apart."""
    return f"**{text}**" if is_ours(text) else text


def calls(found: list[dict[str, Any]], language: str) -> str:
    """Every client of a language, by protocol and how many at once."""
    by_cell = {
        (cell["protocol"], cell["at_once"], cell["client"]): cell for cell in found if cell["language"] == language
    }

    def cell(protocol: str, at_once: int, client: str) -> str:
        result = by_cell.get((protocol, at_once, client))
        if result is None:
            return "–"
        return spread(result["cpu_microseconds"]) if "cpu_microseconds" in result else "fails"

    columns = [(protocol, at_once) for protocol in PROTOCOLS for at_once in AT_ONCE]
    head = ["µs of CPU a call", *(f"{PROTOCOLS[protocol]}, {at_once}" for protocol, at_once in columns)]
    return table(head, ([name(client), *(cell(*column, client) for column in columns)] for client in CLIENTS[language]))


def rates(found: list[dict[str, Any]]) -> str:
    """Tell calls a second of every client, plain and 32 at a time."""
    cells = [
        cell for cell in found if (cell["protocol"], cell["at_once"]) == ("plain", 32) and "calls_per_second" in cell
    ]
    cells.sort(key=lambda cell: -cell["calls_per_second"]["median"])
    rows = ([f"{name(cell['client'])} ({cell['language']})", spread(cell["calls_per_second"])] for cell in cells)
    return table(["HTTP/1.1, 32 at a time", "calls a second"], rows)


def jobs(found: list[dict[str, Any]]) -> str:
    """Tell what every tool did with the job."""
    head = [
        "",
        "runs",
        "requests",
        "seconds",
        "CPU seconds",
        "MB",
        "lost",
        "refused and told",
        "sent twice after a kill",
        "lost after a kill",
    ]

    def row(job: dict[str, Any]) -> list[str]:
        first = "" if job["rows"] == max(other["rows"] for other in found) else f", {job['rows']:,} rows only"
        head_of_row = [f"{name(job['tool'])}{first}", str(job["rounds"])]
        if "failed" in job:
            return [*head_of_row, spread(job["requests"]), "did not end", *["–"] * 6]
        told = f"{job['refused']['median']:,.0f} of {job['bad_rows']:,}"
        after = [f"{job[key]:,}" if key in job else "–" for key in ("sent_twice", "lost_after_kill")]
        figures = [spread(job[key]) for key in ("requests", "seconds", "cpu_seconds", "megabytes", "lost")]
        return [*head_of_row, *figures, told, *after]

    return table(head, map(row, found))


def quota(found: list[dict[str, Any]]) -> str:
    """How a job ends under every model."""
    rows: list[list[str]] = []
    for run in found:
        is_first = not rows or run["model"] != found[found.index(run) - 1]["model"]
        model = f"{run['model']}: {run['requests']:,} requests" if is_first else ""
        rows.append([model, name(run["pacing"]), f"{run['refused']:,}", f"{run['seconds']:,.0f}"])
    lines = [["the server allows", "paced by", "refused", "seconds"], ["---", "---", "---:", "---:"], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plans(found: list[dict[str, Any]]) -> str:
    """Tell what planning costs by rows."""
    sizes = sorted({plan["rows"] for plan in found})
    by_cell = {(plan["contender"], plan["rows"]): plan for plan in found}
    names = dict.fromkeys(plan["contender"] for plan in found)
    head = [""]
    for size in sizes:
        once = ", once" if all(plan["rounds"] == 1 for plan in found if plan["rows"] == size) else ""
        head += [f"{size // 1_000_000}M rows{once}: seconds", "CPU seconds", "MB beside the input"]

    def cells(contender: str) -> Iterable[str]:
        for size in sizes:
            plan = by_cell.get((contender, size))
            yield from (spread(plan[key]) if plan else "–" for key in ("seconds", "cpu_seconds", "megabytes"))

    return table(head, ([name(contender), *cells(contender)] for contender in names))


def growth(found: list[dict[str, Any]]) -> str:
    """Tell what a run costs by rows."""
    head = [
        "rows, a customer each",
        "runs",
        "µs of CPU a request",
        "MB",
        "seconds",
        "run again: seconds",
        "ledger: bytes a row",
    ]
    keys = ("cpu_microseconds", "megabytes", "seconds", "seconds_again", "ledger_bytes_per_row")
    return table(head, ([f"{run['rows']:,}", str(run["rounds"]), *(spread(run[key]) for key in keys)] for run in found))


def starts(found: dict[str, Any]) -> str:
    """Tell what it takes to have it."""
    return table(["", "ms"], ([name(what), spread(times)] for what, times in found["milliseconds"].items()))


def sizes(found: dict[str, Any]) -> str:
    """How large it is."""
    return table(["", "MB"], ([what, f"{size / 1e6:.2f}"] for what, size in found["bytes"].items()))


def not_first(results: dict[str, Any]) -> str:
    """Name every cell where another client costs less than one of ours that does its own HTTP."""
    lines = []
    for protocol, title in PROTOCOLS.items():
        for at_once in AT_ONCE:
            for language in CLIENTS:
                cells = [
                    cell
                    for cell in results["calls"]["results"]
                    if (cell["protocol"], cell["at_once"], cell["language"]) == (protocol, at_once, language)
                    and "cpu_microseconds" in cell
                ]
                costs = {cell["client"]: cell["cpu_microseconds"]["median"] for cell in cells}
                for ours in (client for client in costs if is_ours(client) and "transport" not in client):
                    less = [
                        f"{client} {number(cost)}"
                        for client, cost in costs.items()
                        if not is_ours(client) and cost < costs[ours]
                    ]
                    if less:
                        where = f"{language}, {title}, {at_once} at a time"
                        lines.append(f"- {where}: {', '.join(less)}; {ours} {number(costs[ours])}.")
    return "\n".join(lines) or "Nowhere."


def write(results: dict[str, Any]) -> None:
    """Write the page and the plots, once every section was measured."""
    found = {
        section: results[section]["results"] for section in ("calls", "jobs", "quota", "plans", "growth", "footprint")
    }
    versions: dict[str, str] = {}
    for section in found:
        for package, version in results[section]["versions"].items():
            if versions.setdefault(package, version) != version:
                message = f"{package} was {version} when {section} was measured, and {versions[package]} before"
                raise ValueError(message)
    dates = sorted({results[section]["date"] for section in found})
    tables = {
        **{f"calls of {language}": calls(found["calls"], language) for language in ("Python", "Node", "Rust", "C")},
        "call rounds": str(max(cell["rounds"] for cell in found["calls"])),
        "rates": rates(found["calls"]),
        "jobs": jobs(found["jobs"]),
        "quota": quota(found["quota"]),
        "plans": plans(found["plans"]),
        "growth": growth(found["growth"]),
        "starts": starts(found["footprint"]),
        "sizes": sizes(found["footprint"]),
        "not first": not_first(results),
        "machine": "; ".join(dict.fromkeys(results[section]["machine"] for section in found)),
        "dates": " to ".join(dict.fromkeys((dates[0], dates[-1]))),
        "versions": ", ".join(f"{package} {version}" for package, version in versions.items()),
    }
    text = TEMPLATE.read_text("utf-8")
    for place, content in tables.items():
        if f"{{{place}}}" not in text:
            message = f"page.md has no place for {place}"
            raise ValueError(message)
        text = text.replace(f"{{{place}}}", content)
    PAGE.write_text(text, "utf-8")
    plots.draw(found)
