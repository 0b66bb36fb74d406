"""How far a run is."""

from __future__ import annotations

from bizkithub._json import load, moment
from bizkithub._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


class Progress(Record):
    """How far a run is: handed to the `progress` function at most ten times a second, and once at the end."""

    rows: int
    """Rows of the plan: always applied + skipped + rejected + pending + unknown."""
    applied: int
    """Rows to which the server said yes."""
    skipped: int
    """Rows that the ledger knew."""
    rejected: int
    """Rows refused for good."""
    pending: int
    """Rows not yet decided."""
    unknown: int
    """Rows sent without an answer."""
    requests: int
    """Requests of the plan."""
    requests_done: int
    """Requests that are decided."""
    customers: int
    """Customers of the plan."""
    quota_left: int | None
    """Requests that may leave until the quota is used up, as far as it is known."""
    waiting_until: datetime | None
    """When the run goes on, in UTC, while it waits: for quota, or because the server asked for a pause."""
    finishes_at: datetime | None
    """When the run will be done, if the quota alone decides and is known, in UTC."""
    is_done: bool
    """True once, in the last call."""


def from_json(text: str) -> Progress:
    """Make a snapshot from what the native side hands over."""
    values = load(text)
    moments = {name: _optional(values.pop(name)) for name in ("waiting_until", "finishes_at")}
    values.update(moments)
    return Progress(**values)


def _optional(text: str | None) -> datetime | None:
    return None if text is None else moment(text)
