"""What a run did."""

from __future__ import annotations

from bizkithub import reason
from bizkithub._json import load, moment
from bizkithub._lazy_list import LazyList
from bizkithub._record import Record
from bizkithub._typing import override
from bizkithub.row_outcome import RowOutcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from matplotlib.axes import Axes

    from bizkithub import _native
    from bizkithub.errors import BizKitHubError
    from bizkithub.reason import Reason


class QuotaPoint(Record):
    """One point of a run's time."""

    seconds: float
    """Seconds since the run began."""
    requests_sent: int
    """Requests sent until then."""
    quota_left: int | None
    """Requests that the quota had left, as far as it was known."""
    is_waiting: bool
    """Whether the run waited: for quota, or because the server asked for a pause."""


class Outcomes(LazyList[RowOutcome]):
    """Every row's outcome, in the order of the rows, made when it is looked at.

    It is a table as well, with the columns `row`, `outcome`, `kind`, `code` and `reason`: `polars.DataFrame(outcomes)`,
    `pyarrow.table(outcomes)`, `pandas.DataFrame.from_arrow(outcomes)`, and in the queries of duckdb by its name.
    """

    def __init__(self, native: _native.Report, length: int) -> None:
        def outcome(index: int) -> RowOutcome:
            name, error = native.outcome(index)
            return RowOutcome(row=index + 1, outcome=name, error=error)

        super().__init__(length, outcome)
        self._stream = native.outcome_stream

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the outcomes as a stream of Arrow data.

        Args:
            requested_schema: Not looked at: the columns are what they are, as the interface allows.

        """
        return self._stream()


class Report(Record):
    """What a run did: every row's outcome, the counts, the time and the requests."""

    rows: int
    """Rows of the input: always applied + skipped + rejected + pending + unknown."""
    applied: int
    """Rows to which the server said yes."""
    skipped: int
    """Rows that the ledger knew."""
    rejected: int
    """Rows refused for good, by this client or by the server."""
    pending: int
    """Rows not yet sent, or whose tries failed. Running the plan again goes on with them."""
    unknown: int
    """Rows sent without an answer. Running the plan again settles them."""
    rejected_by_code: Mapping[str, int]
    """How many rows were rejected, by code, or by kind where there is no code."""
    requests_sent: int
    """Requests sent, retries included."""
    retries: int
    """Requests sent again after a failure; waits for quota are not failures."""
    throttled: int
    """Requests answered "quota used up": each was sent again later, or its rows are pending."""
    started_at: datetime
    """When the run began, in UTC."""
    seconds: float
    """How long the run took."""
    resume_at: datetime | None
    """When running again makes sense, in UTC: the run stopped because the quota was used up or its time was over."""
    stopped_by: BizKitHubError | None
    """The error that stopped the run before its end, such as an `ApiKeyError`."""
    is_cancelled: bool
    """Whether the caller stopped the run."""
    is_complete: bool
    """Whether every row is applied or skipped."""
    advice: str | None
    """How to go on, when rows are not settled, and what remembers the others."""
    timeline: Sequence[QuotaPoint]
    """How the run went along with its quota, in at most a few hundred points."""
    outcomes: Outcomes
    """Every row's outcome, in the order of the rows: a list of `RowOutcome`, and a table for data frames."""
    _inner: _native.Report

    @property
    def reasons(self) -> Sequence[Reason]:
        """Why rows are neither applied nor skipped, the most frequent reason first. Every row is looked at."""
        return reason.from_values(self._inner.reasons())

    def write_outcomes(self, path: str | os.PathLike[str]) -> int:
        """Write every row's outcome to a file.

        Args:
            path: Where to write; an existing file is replaced. For a name that ends with `.csv` the columns are `row,
                outcome, kind, code, reason`; for `.ndjson` or `.jsonl` each line is an object.

        Returns:
            How many rows were written.

        Raises:
            InvalidInputError: The name tells no format (`outcomes_format_unknown`), or the file cannot be written.

        """
        return self._inner.write_outcomes(path)

    def write_rejects(self, path: str | os.PathLike[str]) -> int:
        """Write the rejected rows to a CSV file: the columns of the input, then `row, kind, code, reason`.

        Cells that a spreadsheet would take for a formula are neutralised by a leading apostrophe. For plans of files
        only; the input is read a second time. Of an input that is not CSV, only the columns are written that the plan
        reads, with U+FFFD for what no cell can hold. For no rejects, no file is written.

        Args:
            path: Where to write; an existing file is replaced.

        Returns:
            How many rows were written.

        Raises:
            InvalidInputError: The plan was not made from a file, the input has changed (`input_changed`), or the
                file cannot be written.

        """
        return self._inner.write_rejects(path)

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the run over its time with matplotlib: the requests sent, what the quota had left, when the run waited.

        Needs the extra `plot`: `pip install "bizkithub[plot]"`. A notebook shows such a picture with the report anyway.

        Args:
            axes: Where to draw. Default: a new figure.

        Returns:
            The axes, for whatever is to be changed.

        Raises:
            ImportError: matplotlib is not installed.

        """
        from bizkithub import _plot

        return _plot.draw(self.timeline, axes)

    def _repr_html_(self) -> str:
        from bizkithub import _html

        return _html.of_report(self)

    @override
    def __repr__(self) -> str:
        counts = {name: getattr(self, name) for name in ("applied", "skipped", "rejected", "pending", "unknown")}
        shown = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing to do"
        stopped = f"; stopped by {self.stopped_by.code}" if self.stopped_by else ""
        return (
            f"<Report of {self.rows:,} rows: {shown}; {self.requests_sent:,} requests in {self.seconds:.1f} s{stopped}>"
        )

    @override
    def __eq__(self, other: object) -> bool:
        return self is other

    @override
    def __hash__(self) -> int:
        return id(self)

    @override
    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Report holds every row of its run and cannot be pickled: take the values that you need")


def from_native(native: _native.Report) -> Report:
    """Make a report from what the native side hands over."""
    values = load(native.summary())
    started_at, resume_at = moment(values.pop("started_at")), values.pop("resume_at")
    del values["stopped_by"]
    timeline = [QuotaPoint(**point) for point in values.pop("timeline")]

    return Report(
        started_at=started_at,
        resume_at=None if resume_at is None else moment(resume_at),
        stopped_by=native.stopped_by(),
        timeline=timeline,
        outcomes=Outcomes(native, values["rows"]),
        _inner=native,
        **values,
    )
