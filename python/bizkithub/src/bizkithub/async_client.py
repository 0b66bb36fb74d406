"""The client for asyncio."""

from __future__ import annotations

from bizkithub import _native, _rows, receipt
from bizkithub._base_client import BaseClient, is_path
from bizkithub._frame import is_frame, rows_of
from bizkithub._telling import WARNING, telling_of_call
from bizkithub.plan import AsyncPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, Iterable
    from datetime import datetime

    from typing_extensions import Self

    from bizkithub._frame import Frame
    from bizkithub._rows import Row
    from bizkithub.receipt import Receipt


class AsyncClient(BaseClient):
    """A client of one organisation for asyncio, on any event loop, also on several one after the other.

    Cancelling a call closes its request.

        async with bizkithub.AsyncClient() as client:  # the key: BIZKITHUB_API_KEY
            await client.add_groups(email="jan@barasek.com", groups=["personal-training"])
    """

    async def add_groups(
        self, *, groups: Iterable[str], email: str | None = None, cu_ref_no: str | None = None
    ) -> Receipt:
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
        from bizkithub._event_loop import call

        tell = telling_of_call()
        return receipt.from_values(await call(self._native.start_add_groups, email, cu_ref_no, groups, tell))

    async def ping(self) -> Receipt:
        """Ask the server whether it accepts the key; nothing is changed.

        Raises:
            ApiKeyError: It does not.
            BizKitHubError: Any other of its classes.

        """
        from bizkithub._event_loop import call

        return receipt.from_values(await call(self._native.start_ping, telling_of_call()))

    async def plan(
        self,
        data: str | os.PathLike[str] | Frame | Iterable[Row] | AsyncIterable[Row],
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
    ) -> AsyncPlan:
        """Make a plan: validate every row, merge the rows of each customer into one request. Nothing is sent.

        Files and frames are read beside the event loop; other rows are read on it, a thousand at a time.

        Args:
            data: What to plan. The path of a file: CSV (UTF-8, the first line names the columns), NDJSON (`.ndjson`,
                `.jsonl`) or Parquet (`.parquet`, `.pq`), or of a folder of Parquet files. A data frame: of pandas,
                polars (also lazy), pyarrow or duckdb, and anything else that exports Arrow data, which are not copied.
                Or an iterable of mappings, named tuples or tuples, which may be asynchronous. Values are texts or whole
                numbers; `None`, NaN and blank texts count as absent.
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
                valid do not raise: see `AsyncPlan.refusals`.
            LedgerError: The client's ledger cannot be used.

        """
        from bizkithub._event_loop import call

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
            work = call(_native.Plan.start_from_file, self._native, data, delimiter, settings)
            return AsyncPlan(await work, self._native)
        if is_frame(data):
            from asyncio import to_thread

            # Libraries run their queries now, and convert what is not Arrow data yet.
            exported = await to_thread(rows_of, data, settings)
            if isinstance(exported, _native.ArrowRows):
                work = call(_native.Plan.start_from_arrow, self._native, exported, settings)
                return AsyncPlan(await work, self._native)
            parts = await _rows.read(exported, settings)
        else:
            parts = await _rows.read(data, settings)
        native = await call(parts.start_plan, self._native)
        return AsyncPlan(native, self._native)

    async def close(self) -> None:
        """Close the connections. Calls in flight end as they would; later ones raise `InvalidInputError`."""
        telling = telling_of_call(WARNING)
        if not self._native.is_exporting:
            self._native.close(telling)
            return
        from asyncio import to_thread

        events: list[tuple[int, str]] = []
        await to_thread(self._native.close, lambda level, text: events.append((level, text)))
        if telling is not None:
            for event in events:
                telling(*event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
