"""Who is told how far a run is: a bar, a line of text, or a function of the caller's."""

from __future__ import annotations

import sys

from bizkithub._html import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, TypeAlias

    from bizkithub.progress import Progress

    class ProgressBar(Protocol):
        """A bar like those of tqdm: it counts up to its `total`."""

        total: Any

        def update(self, n: float = 1) -> object:
            """Count on."""

    Listener: TypeAlias = Callable[[Progress], object]


def listener(progress: bool | Listener | ProgressBar | None) -> Listener | None:
    """Make the function that is told.

    Raises:
        TypeError: It is none of them.

    """
    if progress is None or progress is False:
        return None
    if progress is True:
        bar = _bar_of_tqdm()
        return _TextLine() if bar is None else _Bar(bar, is_ours=True)
    if hasattr(progress, "update") and hasattr(progress, "total"):
        return _Bar(progress, is_ours=False)
    if callable(progress):
        return progress
    raise TypeError(f"progress is {type(progress).__name__}: pass True, a function, or a bar like those of tqdm")


def _bar_of_tqdm() -> ProgressBar | None:
    import warnings

    try:
        with warnings.catch_warnings():
            # In a notebook without widgets, the bar is one of text, which is no reason to complain.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return None
    bar: ProgressBar = tqdm(unit=" requests")
    return bar


class _Bar:
    """Moves a bar by the requests that are decided."""

    def __init__(self, bar: Any, *, is_ours: bool) -> None:
        self._bar = bar
        self._is_ours = is_ours
        self._done = 0

    def __call__(self, progress: Progress) -> None:
        if self._bar.total != progress.requests:
            self._bar.total = progress.requests
        self._bar.update(progress.requests_done - self._done)
        self._done = progress.requests_done
        if hasattr(self._bar, "set_postfix_str"):
            self._bar.set_postfix_str(_state(progress))
        if progress.is_done and self._is_ours:
            self._bar.close()


class _TextLine:
    """Rewrites one line on standard error, or where nobody watches, writes one at the end."""

    def __call__(self, progress: Progress) -> None:
        is_watched = sys.stderr.isatty()
        if not is_watched and not progress.is_done:
            return
        state = _state(progress)
        text = f"{progress.requests_done:,} of {progress.requests:,} requests{', ' if state else ''}{state}"
        end = "\n" if progress.is_done else ""
        sys.stderr.write((f"\r\x1b[K{text}" if is_watched else text) + end)
        sys.stderr.flush()


def _state(progress: Progress) -> str:
    parts = [f"{progress.rejected:,} rows rejected"] if progress.rejected else []
    if progress.waiting_until is not None:
        parts.append(f"waiting until {progress.waiting_until.astimezone():%H:%M:%S}")
    elif progress.finishes_at is not None and not progress.is_done:
        from datetime import datetime, timezone

        rest = (progress.finishes_at - datetime.now(timezone.utc)).total_seconds()
        parts.append(f"done in {duration(max(rest, 0))} by the quota")
    return ", ".join(parts)
