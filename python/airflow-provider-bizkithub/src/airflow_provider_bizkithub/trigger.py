"""What wakes a task when the quota comes back."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_LOOK = 60.0
"""How often the clock is looked at, in seconds: it may be set while the trigger sleeps."""


class QuotaTrigger(BaseTrigger):
    """Fires at a moment; nothing is asked of the network, and no key is needed.

    Args:
        moment: When to fire, as text of ISO 8601 with an offset.
        job: What the next leg has to know, as plain JSON; it comes back with the event.

    """

    def __init__(self, moment: str, job: dict[str, Any]) -> None:
        super().__init__()
        self.moment = moment
        self.job = job

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Tell how to make this trigger elsewhere."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"moment": self.moment, "job": self.job}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep until the moment."""
        moment = datetime.fromisoformat(self.moment)
        # A clock has no event to wait for.
        while (seconds := (moment - datetime.now(timezone.utc)).total_seconds()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(seconds, _LOOK))
        yield TriggerEvent({"moment": self.moment, "job": self.job})
