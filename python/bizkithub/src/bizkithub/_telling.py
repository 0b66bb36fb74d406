"""What a call or a run tells its caller meanwhile: its progress, and events for the logger `bizkithub`."""

from __future__ import annotations

import sys

from bizkithub import progress as snapshots
from bizkithub._json import load, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger

    from bizkithub._progress_display import Listener, ProgressBar

_DEBUG = 10
"""The level of all that a single call tells; `logging` need not be imported for it."""
WARNING = 30
"""The level of what the end of a client tells."""


class Telling:
    """Hands over what a run tells, on the thread of the caller."""

    def __init__(self, progress: bool | Listener | ProgressBar | None) -> None:
        """Find out who wants to be told.

        Raises:
            TypeError: `progress` is nothing that can be told.

        """
        self._listener: Listener | None = None
        if progress is not None and progress is not False:
            from bizkithub._progress_display import listener

            self._listener = listener(progress)
        self._logger = _logger()

    @property
    def with_progress(self) -> bool:
        """Whether somebody wants to know the progress."""
        return self._listener is not None

    @property
    def log_level(self) -> int | None:
        """From which level on somebody wants to know events."""
        return None if self._logger is None else max(0, min(self._logger.getEffectiveLevel(), 255))

    def __call__(self, level: int, text: str) -> None:
        """Take an event in JSON, or at level 0 a snapshot of the progress."""
        if level == 0:
            if self._listener is not None:
                self._listener(snapshots.from_json(text))
        elif self._logger is not None:
            event = load(text)
            message = event.pop("message")
            del event["level"]
            event["at"] = moment(event["at"])
            self._logger.log(level, "%s", message, extra={"bizkithub": event})


def telling_of_call(level: int = _DEBUG) -> Telling | None:
    """Who wants to know what a single call tells, which is of this level; usually nobody."""
    logger = _logger()
    return Telling(None) if logger is not None and logger.isEnabledFor(level) else None


def _logger() -> Logger | None:
    """Find the logger; who has not imported `logging`, whose import takes time, listens to none."""
    logging = sys.modules.get("logging")
    if logging is None:
        return None
    logger: Logger = logging.getLogger("bizkithub")
    if not logger.handlers:
        # Otherwise a program that has set up no logging would find warnings on its standard error.
        logger.addHandler(logging.NullHandler())
    return logger
