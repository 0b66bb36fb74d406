"""The client for ordinary code."""

from __future__ import annotations

from bizkithub import _native, receipt
from bizkithub._base_client import BaseClient, is_path
from bizkithub._frame import is_frame, rows_of
from bizkithub._telling import WARNING, telling_of_call
from bizkithub.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from datetime import datetime

    from typing_extensions import Self

    from bizkithub._frame import Frame
    from bizkithub._rows import Row
    from bizkithub.receipt import Receipt


class Client(BaseClient):
    """A client of one organisation. It may be shared by all threads; calls wait with the interpreter free for others.

    Ctrl-C ends a waiting call within 0.2 seconds and closes its request.

        with bizkithub.Client() as client:  # the key: BIZKITHUB_API_KEY
            client.add_groups(email="jan@barasek.com", groups=["personal-training"])
    """

    def add_groups(self, *, groups: Iterable[str], email: str | None = None, cu_ref_no: str | None = None) -> Receipt:
        """Put groups on one customer.

        Groups that the customer already has are skipped by the server: the call may be repeated safely.

        Args:
            groups: The groups, at least one; texts that are not slugs are made so by the server. A misspelt group is
                created.
            email: The customer's e-mail address.
            cu_ref_no: The customer reference number, 16 letters and digits. When both are given, it names the customer.

        Returns:
            The server's yes.

        Raises:
            InvalidInputError: An argument is not valid; nothing was sent.
            BizKitHubError: Any of its classes, after the tries that make sense.

        """
        return receipt.from_values(self._native.add_groups(email, cu_ref_no, groups, telling_of_call()))

    def ping(self) -> Receipt:
        """Ask the server whether it accepts the key; nothing is changed.

        Raises:
            ApiKeyError: It does not.
            BizKitHubError: Any other of its classes.

        """
        return receipt.from_values(self._native.ping(telling_of_call()))

    def plan(
        self,
        data: str | os.PathLike[str] | Frame | Iterable[Row],
        *,
        email: str | int | None = None,
        cu_ref_no: str | int | None = None,
        groups: str | int | None = None,
        constant_groups: Iterable[str] = (),
        allow_groups: Iterable[str] | None = None,
        delimiter: str = ",",
        resend: bool = False,
        resend_after: float | None = None,
        retry_rejected: bool = False,
        begun_at: datetime | None = None,
    ) -> Plan:
        """Make a plan: validate every row, merge the rows of each customer into one request. Nothing is sent.

        Args:
            data: What to plan. The path of a file: CSV (UTF-8, the first line names the columns), NDJSON (`.ndjson`,
                `.jsonl`) or Parquet (`.parquet`, `.pq`), or of a folder of Parquet files. A data frame: of pandas,
                polars (also lazy), pyarrow or duckdb, and anything else that exports Arrow data, which are not copied.
                Or an iterable of mappings, named tuples or tuples. Values are texts or whole numbers;
                `None`, NaN and blank texts count as absent.
            email: The column of e-mail addresses: its name, or its position in tuples.
            cu_ref_no: The column of customer reference numbers. At least one of the two columns is required.
            groups: The column of groups: texts separated by `;` or `|`, or lists of texts.
            constant_groups: Groups for all rows, before those of the row.
            allow_groups: When given, rows with any other group are refused, compared by predicted slug.
            delimiter: What separates the cells of a CSV file: one ASCII character.
            resend: Send again what the ledger knows.
            resend_after: Send again what was acknowledged longer ago than so many seconds, because operators remove
                groups by hand.
            retry_rejected: Send again what the server refused; otherwise it is rejected without asking again.
            begun_at: When the job began of which this plan is a leg, with a time zone: later answers are the job's own
                and count, whatever is to be sent again. Default: now.

        Raises:
            InvalidInputError: The data as a whole cannot be used: a missing column, a broken file. Rows that are not
                valid do not raise: see `Plan.refusals`.
            LedgerError: The client's ledger cannot be used.

        """
        settings = _native.PlanSettings(
            email=email,
            cu_ref_no=cu_ref_no,
            groups=groups,
            constant_groups=constant_groups,
            allow_groups=allow_groups,
            resend=resend,
            resend_after=resend_after,
            retry_rejected=retry_rejected,
            begun_at=begun_at,
        )
        if is_path(data):
            native = _native.Plan.from_file(self._native, data, delimiter, settings)
            return Plan(native, self._native)
        rows = rows_of(data, settings) if is_frame(data) else data
        if isinstance(rows, _native.ArrowRows):
            native = _native.Plan.from_arrow(self._native, rows, settings)
        else:
            native = _native.Plan.from_rows(self._native, rows, settings)
        return Plan(native, self._native)

    def close(self) -> None:
        """Close the connections. Calls in flight end as they would; later ones raise `InvalidInputError`."""
        self._native.close(telling_of_call(WARNING))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
