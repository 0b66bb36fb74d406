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
    """How many customers get it: those who are in the ledger too."""
    is_new: bool
    """Whether the ledger has never seen it acknowledged, so that the server may create it."""
    resembles: str | None
    """A known or more frequent group that it looks like a typo of."""


class BillTime(Record):
    """How long a plan takes under a quota."""

    seconds: float
    """Seconds, when the requests leave evenly."""
    limit: int
    """Requests that the quota allows in a window."""
    window_seconds: float
    """The length of a window, in seconds."""


class Bill(Record):
    """What a plan will cost and do, before anything is sent. `str(bill)` is a small table for people."""

    rows: int
    """Rows of the input."""
    customers: int
    """Different customers among the accepted rows."""
    requests: int
    """Requests to send: one for each customer with an assignment that is neither acknowledged nor refused."""
    assignments: int
    """Assignments to send."""
    skipped: int
    """Rows of which the ledger knows everything."""
    skipped_assignments: int
    """Assignments that the ledger knows, and that are left out."""
    rejected: int
    """Rows refused before anything is sent, by this client now or by the server earlier."""
    rejected_by_code: Mapping[str, int]
    """How many rows were refused, by code."""
    groups: tuple[BillGroup, ...]
    """The groups to put, in the order of their first appearance."""
    time: BillTime | None
    """How long it takes, when the quota is known or assumed."""

    @override
    def __hash__(self) -> int:
        return hash((self.rows, self.customers, self.requests, self.rejected, self.groups))

    @override
    def __str__(self) -> str:
        lines = [
            f"rows      {self.rows:>10,}",
            f"customers {self.customers:>10,}",
            f"requests  {self.requests:>10,}",
            f"skipped   {self.skipped:>10,}",
            f"rejected  {self.rejected:>10,}",
        ]
        lines += [f"  {count:>10,}  {code}" for code, count in self.rejected_by_code.items()]
        lines += ["groups"] if self.groups else []
        lines += [f"  {group.customers:>10,}  {group.slug}  {remark}".rstrip() for group, remark in remarks(self)]
        return "\n".join(lines)


def remarks(bill: Bill) -> list[tuple[BillGroup, str]]:
    """Tell what a reader must see of each group: that it looks like a typo, or is new to a ledger that knows others."""
    knows_others = not all(group.is_new for group in bill.groups)

    def remark(group: BillGroup) -> str:
        if group.resembles is not None:
            return f"looks like {group.resembles}"
        return "new" if group.is_new and knows_others else ""

    return [(group, remark(group)) for group in bill.groups]


def from_json(text: str) -> Bill:
    """Make a bill from what the native side hands over."""
    values = load(text)
    groups = tuple(BillGroup(**group) for group in values.pop("groups"))
    time = values.pop("time")
    return Bill(groups=groups, time=None if time is None else BillTime(**time), **values)
