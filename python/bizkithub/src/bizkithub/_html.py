"""Plans and reports as small pages for notebooks: tables and one picture, without scripts, for light and dark themes.

Colours follow the notebook's text by `currentColor`; the few others have the same contrast on white and on black. The
class stands twice where a notebook's own style for tables would win otherwise.
"""

from __future__ import annotations

from html import escape

from bizkithub.bill import remarks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bizkithub.bill import Bill
    from bizkithub.reason import Reason
    from bizkithub.report import QuotaPoint, Report

_ROWS_SHOWN = 12
_STYLE = """<style>
.bizkithub{font-family:inherit;font-size:13px;line-height:1.45;max-width:46em}
.bizkithub table{border-collapse:collapse;margin:.3em 0 .9em;background:none;color:inherit;font-size:inherit}
.bizkithub.bizkithub tbody tr:nth-child(n){background:none}
.bizkithub.bizkithub :is(th,td){padding:.15em .9em .15em 0;text-align:left;vertical-align:top}
.bizkithub.bizkithub :is(th,td){border:0;background:none;color:inherit}
.bizkithub.bizkithub th{font-weight:600;border-bottom:1px solid color-mix(in srgb,currentColor 30%,transparent)}
.bizkithub.bizkithub :is(th,td).number{text-align:right;font-variant-numeric:tabular-nums}
.bizkithub .remark{color:#ea580c}
.bizkithub .faint{opacity:.7}
.bizkithub .bar{display:flex;height:.7em;border-radius:.35em;overflow:hidden;margin:.4em 0 .8em}
.bizkithub svg{display:block;width:100%;max-width:40em;height:auto;margin:.2em 0 .3em}
</style>"""
SENT_COLOUR, QUOTA_COLOUR = "#16a34a", "#3b82f6"
"""The colours of a picture's lines."""
OUTCOME_COLOURS = {
    "applied": "#16a34a",
    "skipped": "#60a5fa",
    "rejected": "#dc2626",
    "pending": "#d97706",
    "unknown": "#9333ea",
}
"""A colour that can be told from the others on white and on black."""


def of_plan(bill: Bill, reasons: Sequence[Reason]) -> str:
    """Show a plan: what it will cost, its groups, and why rows are refused."""
    totals = [
        ("rows", bill.rows),
        ("rejected rows", bill.rejected),
        ("customers", bill.customers),
        ("requests to send", bill.requests),
    ]
    if bill.skipped_assignments:
        totals += [("rows the ledger knows", bill.skipped), ("assignments left out", bill.skipped_assignments)]
    rows = [(name, f"{count:,}") for name, count in totals]
    if bill.time is not None and bill.requests:
        rows.append(
            (f"time at {bill.time.limit:,} per {duration(bill.time.window_seconds)}", duration(bill.time.seconds))
        )
    # Typos and new groups are what a reader must see, wherever they stand in the input.
    groups = sorted(remarks(bill), key=lambda remarked: (remarked[0].resembles is None, not remarked[1]))
    shown = [
        (
            escape(group.text),
            f'<span class="faint">{escape(group.slug)}</span>',
            f"{group.customers:,}",
            f'<span class="remark">{escape(remark)}</span>' if remark else "",
        )
        for group, remark in groups[:_ROWS_SHOWN]
    ]
    parts = [_table(("plan", ""), rows)]
    if shown:
        parts.append(_table(("group", "slug", "customers", ""), shown, number=2, more=len(groups) - len(shown)))
    parts.append(_reasons(reasons))
    parts.append('<div class="faint">Nothing has been sent. <code>plan.run()</code> sends it.</div>')
    return _page(parts)


def of_report(report: Report) -> str:
    """Show a report: what became of the rows, why some are not applied, and the run under its quota."""
    counts = {name: getattr(report, name) for name in OUTCOME_COLOURS}
    bar = "".join(
        f'<div title="{name}: {count:,}" style="flex:{count};background:{OUTCOME_COLOURS[name]}"></div>'
        for name, count in counts.items()
        if count
    )
    rows = [
        (f'<span style="color:{OUTCOME_COLOURS[name]}">●</span> {name}', f"{count:,}")
        for name, count in counts.items()
        if count or name in ("applied", "rejected")
    ]
    parts = [
        f'<div class="bar">{bar}</div>' if bar else "",
        _table(("outcome", "rows"), rows),
        _reasons(report.reasons),
    ]
    sent = f"{report.requests_sent:,} requests in {duration(report.seconds)}"
    if report.retries:
        sent += f", {report.retries:,} of them again after a failure"
    if report.throttled:
        sent += f", {report.throttled:,} of them in vain because the quota was used up"
    parts += [f"<div>{sent}</div>", picture(report.timeline)]
    if report.stopped_by is not None:
        parts.append(f'<div class="remark">stopped: {escape(str(report.stopped_by))}</div>')
    if report.advice is not None:
        parts.append(f"<div>{escape(report.advice)}.</div>")
    return _page(parts)


def picture(timeline: Sequence[QuotaPoint], width: int = 640, height: int = 150) -> str:
    """Draw a run over its time: the requests sent, what the quota had left, and when the run waited."""
    if len(timeline) < 2 or timeline[-1].requests_sent == 0:  # noqa: PLR2004 - a line has two ends
        return ""
    left, right, top, bottom = 4, width - 4, 18, height - 18
    seconds = max(timeline[-1].seconds, 1e-9)
    requests = timeline[-1].requests_sent
    known = [(point.seconds, point.quota_left) for point in timeline if point.quota_left is not None]
    quota = max((quota_left for _, quota_left in known), default=0)

    def x(moment: float) -> float:
        return left + (right - left) * moment / seconds

    def line(points: Iterable[tuple[float, int]], largest: int) -> str:
        heights = ((x(moment), bottom - (bottom - top) * value / max(largest, 1)) for moment, value in points)
        return " ".join(f"{across:.1f},{up:.1f}" for across, up in heights)

    def text(words: str, across: float, down: float, anchor: str, colour: str | None = None) -> str:
        paint = 'fill="currentColor" opacity=".7"' if colour is None else f'fill="{colour}"'
        return f'<text x="{across:g}" y="{down:g}" text-anchor="{anchor}" {paint}>{words}</text>'

    shades = "".join(
        f'<rect x="{x(begin):.1f}" y="{top}" width="{max(x(end) - x(begin), 0.5):.1f}" height="{bottom - top}"/>'
        for begin, end in waits(timeline)
    )
    labels = [
        text(f"{requests:,} requests sent", left, 12, "start", SENT_COLOUR),
        text("0 s", left, height - 4, "start"),
        text(duration(seconds), right, height - 4, "end"),
    ]
    if quota:
        labels.append(text(f"quota left, at most {quota:,}", right, 12, "end", QUOTA_COLOUR))
    if shades:
        labels.append(text("shaded: waiting", width / 2, height - 4, "middle"))
    sent = line(((point.seconds, point.requests_sent) for point in timeline), requests)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="requests sent and quota left over time" '
        f'xmlns="http://www.w3.org/2000/svg" font-size="11">'
        f'<g fill="currentColor" opacity=".1">{shades}</g>'
        f'<path d="M{left} {bottom}H{right}" stroke="currentColor" stroke-opacity=".3"/>'
        f'<polyline points="{line(known, quota)}" fill="none" stroke="{QUOTA_COLOUR}" stroke-dasharray="4 3"/>'
        f'<polyline points="{sent}" fill="none" stroke="{SENT_COLOUR}" stroke-width="2"/>{"".join(labels)}</svg>'
    )


def waits(timeline: Sequence[QuotaPoint]) -> Iterator[tuple[float, float]]:
    """Find the stretches of waiting, each as one."""
    begin: float | None = None
    for point in timeline:
        if point.is_waiting:
            begin = point.seconds if begin is None else begin
        elif begin is not None:
            yield begin, point.seconds
            begin = None
    if begin is not None:
        yield begin, timeline[-1].seconds


def duration(seconds: float) -> str:
    """Write a duration as people say it: `40 ms`, `0.4 s`, `15 s`, `12 min 3 s`, `3 h 20 min`."""
    if seconds < 0.1:  # noqa: PLR2004 - tenths would say nothing
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 10:  # noqa: PLR2004 - from here on, tenths say little
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = [(hours, "h"), (minutes, "min"), (rest if hours == 0 else 0, "s")]
    return " ".join(f"{count:,} {unit}" for count, unit in parts if count) or "0 s"


def _reasons(reasons: Sequence[Reason]) -> str:
    rows = []
    for reason in reasons[:_ROWS_SHOWN]:
        examples = ", ".join(f"{example.row:,}" for example in reason.examples)
        error = reason.examples[0].error
        message = escape(error.message) if error is not None else "the run stopped first"
        code = escape(reason.code or "")
        rows.append(
            (
                f"{reason.outcome}: {code}" if code else reason.outcome,
                f"{reason.rows:,}",
                f"row{'s' if len(reason.examples) > 1 else ''} {examples}: {message}",
            )
        )
    return _table(("not applied", "rows", "for example"), rows, more=len(reasons) - len(rows)) if rows else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, number: int = 1, more: int = 0) -> str:
    """Make a table, one column of which holds numbers."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        classes = (' class="number"' if place == number else "" for place in range(len(texts)))
        return "".join(f"<{tag}{of}>{text}</{tag}>" for of, text in zip(classes, texts, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    if more > 0:
        body += f'<tr><td class="faint" colspan="{len(heads)}">and {more:,} more</td></tr>'
    return f"<table><thead><tr>{cells('th', heads)}</tr></thead><tbody>{body}</tbody></table>"


def _page(parts: Iterable[str]) -> str:
    return f'<div class="bizkithub">{_STYLE}{"".join(parts)}</div>'
