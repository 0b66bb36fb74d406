"""What became of a row."""

from __future__ import annotations

from bizkithub._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from bizkithub.errors import BizKitHubError

    Outcome: TypeAlias = Literal["applied", "skipped", "rejected", "pending", "unknown"]


class RowOutcome(Record):
    """The outcome of one row, with the error behind it, if there is one."""

    row: int
    """The row's number; rows count from 1."""
    outcome: Outcome
    """What became of it.

    `applied`: the server said yes. `skipped`: the ledger knew it, nothing was sent. `rejected`: refused for good, by
    this client or by the server. `pending`: not yet, the run stopped first or its tries failed; running again goes on.
    `unknown`: sent, but no answer came; running again settles it.
    """
    error: BizKitHubError | None
    """Why it was rejected, or the last error of a pending or unknown one."""
