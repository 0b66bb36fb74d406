"""A run over its time, drawn by matplotlib: for papers, and for pages that show no HTML."""

from __future__ import annotations

from bizkithub._html import QUOTA_COLOUR, SENT_COLOUR, duration, waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from bizkithub.report import QuotaPoint

_HOUR, _MINUTE = 3600.0, 60.0


def draw(timeline: Sequence[QuotaPoint], axes: Axes | None) -> Axes:
    """Draw the requests sent and the quota left; shade when the run waited."""
    if axes is None:
        from matplotlib import pyplot as plt

        axes = plt.subplots()[1]
    seconds = timeline[-1].seconds if timeline else 0.0
    unit, name = next(
        (unit, name) for unit, name in ((_HOUR, "hours"), (_MINUTE, "minutes"), (0, "seconds")) if seconds >= 2 * unit
    )
    unit = unit or 1.0
    moments = [point.seconds / unit for point in timeline]
    axes.plot(moments, [point.requests_sent for point in timeline], color=SENT_COLOUR, label="requests sent")
    known = [(point.seconds / unit, point.quota_left) for point in timeline if point.quota_left is not None]
    if known:
        axes.plot(*zip(*known, strict=True), color=QUOTA_COLOUR, linestyle="--", label="quota left")
    for number, (begin, end) in enumerate(waits(timeline)):
        # A label that begins with an underscore is not shown.
        label = "waiting" if number == 0 else "_waiting"
        axes.axvspan(begin / unit, end / unit, color="gray", alpha=0.15, linewidth=0, label=label)
    axes.set_xlabel(f"{name} since the run began")
    axes.set_ylabel("requests")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{timeline[-1].requests_sent if timeline else 0:,} requests in {duration(seconds)}")
    axes.legend()
    return axes
