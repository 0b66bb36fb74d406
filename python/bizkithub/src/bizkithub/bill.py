"""What a plan will cost."""

from __future__ import annotations

from bizkithub._json import load
from bizkithub._record import Record
from bizkithub._typing import override

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class BillGroup(Record):
    """One group of a bill."""

    text: str
    """The first text with which the input writes it."""
    slug: str
    """The predicted slug. The server's own has the last word."""
    customers: int
    """How many customers get it."""


class Bill(Record):
    """What a plan will cost and do, before anything is sent. `str(bill)` is a small table for people."""

    rows: int
    """Rows of the input."""
    customers: int
    """Different customers among the accepted rows."""
    requests: int
    """Requests to send: one for each customer."""
    rejected: int
    """Rows refused before anything is sent."""
    rejected_by_code: Mapping[str, int]
    """How many rows were refused, by code."""
    groups: tuple[BillGroup, ...]
    """The groups to put, in the order of their first appearance."""

    @override
    def __hash__(self) -> int:
        return hash((self.rows, self.customers, self.requests, self.rejected, self.groups))

    @override
    def __str__(self) -> str:
        lines = [
            f"rows      {self.rows:>10,}",
            f"customers {self.customers:>10,}",
            f"requests  {self.requests:>10,}",
            f"rejected  {self.rejected:>10,}",
        ]
        lines += [f"  {count:>10,}  {code}" for code, count in self.rejected_by_code.items()]
        lines += ["groups"] if self.groups else []
        lines += [f"  {group.customers:>10,}  {group.slug}" for group in self.groups]
        return "\n".join(lines)


def from_json(text: str) -> Bill:
    """Make a bill from what the native side hands over."""
    values = load(text)
    groups = tuple(BillGroup(**group) for group in values.pop("groups"))
    return Bill(groups=groups, **values)
