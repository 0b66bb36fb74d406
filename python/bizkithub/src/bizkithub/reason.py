"""Why rows are not applied."""

from __future__ import annotations

from bizkithub._record import Record
from bizkithub.row_outcome import RowOutcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from bizkithub.errors import BizKitHubError
    from bizkithub.row_outcome import Outcome

    ReasonValues: TypeAlias = tuple[Outcome, str | None, int, list[tuple[int, Outcome, BizKitHubError | None]]]


class Reason(Record):
    """Why rows are not applied: one for each outcome and code."""

    outcome: Outcome
    """What became of the rows."""
    code: str | None
    """The code of their errors, or the kind where there is no code; `None` where the run stopped first."""
    rows: int
    """How many they are."""
    examples: tuple[RowOutcome, ...]
    """The first three of them."""


def from_values(values: Iterable[ReasonValues]) -> list[Reason]:
    """Make reasons from what the native side hands over."""
    return [
        Reason(
            outcome=outcome,
            code=code,
            rows=rows,
            examples=tuple(RowOutcome(row=row, outcome=became, error=error) for row, became, error in examples),
        )
        for outcome, code, rows, examples in values
    ]
