"""What one successful call brings."""

from __future__ import annotations

from bizkithub._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import TypeAlias

    ReceiptValues: TypeAlias = tuple[
        int, str | None, "tuple[int | None, int | None, datetime | None, float | None, float | None] | None"
    ]


class Quota(Record):
    """What an answer told about the quota. A field is `None` when the server did not mention it."""

    limit: int | None
    """Requests allowed in a window."""
    remaining: int | None
    """Requests left in the current window."""
    resets_at: datetime | None
    """When the window ends and the quota comes back, in UTC."""
    window: float | None
    """The length of a window in seconds."""
    retry_after: float | None
    """How many seconds the server asks to wait before the next request."""


class Receipt(Record):
    """The server's yes to one call."""

    attempts: int
    """How many requests it took, retries included: 1 when all went well."""
    request_id: str | None
    """The server's name for the last request, if its answer gave one: quote it when you ask about the request."""
    quota: Quota
    """What the answer told about the quota."""


_SILENT = Quota(limit=None, remaining=None, resets_at=None, window=None, retry_after=None)

_PLAIN = Receipt(attempts=1, request_id=None, quota=_SILENT)


def from_values(values: ReceiptValues) -> Receipt:
    """Make a receipt from what the native side hands over."""
    attempts, request_id, quota = values
    if attempts == 1 and request_id is None and quota is None:
        return _PLAIN
    return Receipt(attempts=attempts, request_id=request_id, quota=_SILENT if quota is None else _quota(*quota))


def _quota(
    limit: int | None,
    remaining: int | None,
    resets_at: datetime | None,
    window: float | None,
    retry_after: float | None,
) -> Quota:
    return Quota(limit=limit, remaining=remaining, resets_at=resets_at, window=window, retry_after=retry_after)
