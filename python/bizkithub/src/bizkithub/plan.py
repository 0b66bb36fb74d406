"""Plans of many rows: what they will send, and their runs."""

from __future__ import annotations

import sys

from bizkithub import _native, bill, reason, report
from bizkithub._lazy_list import LazySequence
from bizkithub._telling import Telling
from bizkithub._typing import override

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Literal, TypeAlias

    from bizkithub._progress_display import Listener, ProgressBar
    from bizkithub.bill import Bill
    from bizkithub.errors import BizKitHubError
    from bizkithub.reason import Reason
    from bizkithub.report import Report

    OnQuota: TypeAlias = Literal["wait", "stop"]
    Pace: TypeAlias = Literal["even", "fast"]


class BasePlan:
    """The fewest requests that put the groups of all rows, and the rows that were refused."""

    def __init__(self, native: _native.Plan, client: _native.Client) -> None:
        self._native = native
        self._client = client
        self._last_report: Report | None = None
        self._cancel = _native.Cancel()

    @property
    def bill(self) -> Bill:
        """What the plan will cost and do."""
        return bill.from_json(self._native.bill(self._client))

    @property
    def refusals(self) -> Sequence[BizKitHubError]:
        """The refused rows, in their order: each error tells its `row`, `field`, `code` and the reason."""
        return LazySequence(self._native.refusal_count(), self._native.refusal)

    @property
    def reasons(self) -> Sequence[Reason]:
        """Why rows are rejected before anything is sent, the most frequent reason first: by this client, or earlier."""
        return reason.from_values(self._native.reasons())

    def write_rejects(self, path: str | os.PathLike[str]) -> int:
        """Write the rows that are rejected before anything is sent to a CSV file, as `Report.write_rejects` does.

        Args:
            path: Where to write; an existing file is replaced.

        Returns:
            How many rows were written.

        Raises:
            InvalidInputError: The plan was not made from a file, the input has changed (`input_changed`), or the
                file cannot be written.

        """
        return self._native.write_rejects(path)

    @property
    def last_report(self) -> Report | None:
        """The report of the last run, also of one that Ctrl-C or cancelling stopped; `None` when it has none."""
        return self._last_report

    def cancel(self) -> None:
        """Stop the run that is under way, from another thread or from a signal handler; without one, nothing happens.

        The run ends within 0.2 seconds and returns its report as usual, with `Report.is_cancelled`.
        """
        self._cancel.cancel()

    def _begin(self) -> _native.Cancel:
        self._last_report = None
        self._cancel = _native.Cancel()
        return self._cancel

    def _keep(self, inner: _native.Report) -> Report:
        self._last_report = report.from_native(inner)
        return self._last_report

    def _keep_interrupted(self, inner: _native.Report) -> None:
        kept = self._keep(inner)
        # Elsewhere, whoever interrupts a program knows what it does, and its output is its own.
        if "ipykernel" in sys.modules:
            sys.stderr.write(f"{kept!r}\n{kept.advice or ''}\n")

    def _repr_html_(self) -> str:
        from bizkithub import _html

        return _html.of_plan(self.bill, self.reasons)

    @override
    def __repr__(self) -> str:
        bill = self.bill
        cost = f"{bill.requests:,} requests, {bill.rejected:,} rows rejected"
        return f"<{type(self).__name__} of {bill.rows:,} rows: {cost}>"


class Plan(BasePlan):
    """A plan of `Client`.

    Running it again goes on where the last run stopped: what the server acknowledged is not sent again.
    """

    def run(
        self,
        *,
        concurrency: int = 16,
        on_quota: OnQuota = "wait",
        pace: Pace = "even",
        reserve: float = 0.0,
        deadline: float | None = None,
        longest_wait: float | None = None,
        burst: float | None = None,
        breaker: int | None = 50,
        progress: bool | Listener | ProgressBar | None = None,
    ) -> Report:
        """Send the requests and account for every row.

        The run stops by itself when no other request can succeed (a wrong key, a missing permission, an address that is
        not the API), when its first requests all fail alike, and when a server that worked has failed for ten minutes;
        until then, one request a second asks whether it is back. `Report.stopped_by` tells. Ctrl-C stops it within 0.2
        seconds and raises `KeyboardInterrupt`; the report is then in `last_report`.

        What happens is logged to the logger `bizkithub`, on this thread: the begin and the end, longer waits, outages,
        the error that stopped the run, and at the level `DEBUG` every request. Each record has the event's stable
        `name`, its `run` and its `fields` in `record.bizkithub`.

        Args:
            concurrency: The most requests under way at once, from 1 on; at most 256 are used.
            on_quota: What to do when the quota is used up, or the server asks for a long wait: `"wait"`, however long
                that takes, or `"stop"`; then `Report.resume_at` tells when to run again.
            pace: `"even"` spreads the requests over the quota's window, so that others with the same key find room at
                any time; a run that needs at most half of what is left goes at once. `"fast"` uses what is there, then
                waits.
            reserve: The share of the quota that is left to others, from 0 to below 1.
            deadline: The longest that the run may take, in seconds. A wait, for quota or for the server, that would end
                later ends the run at once; `Report.resume_at` tells when to run again.
            longest_wait: The longest wait at a time, for quota or because the server asks for it, in seconds. A longer
                one ends the run at once; `Report.resume_at` tells when to run again.
            burst: For how long requests leave, in seconds; then the answers under way are waited for, and
                `Report.resume_at` tells from when on the run may go on.
            breaker: Stops a run whose first so many requests all fail alike, because the cause is hardly in the
                customers; `None` for never.
            progress: Who is told, at most ten times a second and at the end: `True` for a bar of tqdm, or where that is
                not installed a line on standard error; a bar like those of tqdm; or a function, which is called on this
                thread with a `Progress`. An exception of it stops the run and is raised.

        Raises:
            InvalidInputError: An argument is not valid, or the client is closed; nothing was sent.

        """
        telling = Telling(progress)
        settings = _native.RunSettings(
            concurrency=concurrency,
            on_quota=on_quota,
            pace=pace,
            reserve=reserve,
            deadline=deadline,
            longest_wait=longest_wait,
            burst=burst,
            breaker=breaker,
            with_progress=telling.with_progress,
            log_level=telling.log_level,
        )
        inner, interruption = self._native.run(self._client, settings, self._begin(), telling)
        if interruption is not None:
            self._keep_interrupted(inner)
            raise interruption
        return self._keep(inner)


class AsyncPlan(BasePlan):
    """A plan of `AsyncClient`.

    Running it again goes on where the last run stopped: what the server acknowledged is not sent again.
    """

    async def run(
        self,
        *,
        concurrency: int = 16,
        on_quota: OnQuota = "wait",
        pace: Pace = "even",
        reserve: float = 0.0,
        deadline: float | None = None,
        longest_wait: float | None = None,
        burst: float | None = None,
        breaker: int | None = 50,
        progress: bool | Listener | ProgressBar | None = None,
    ) -> Report:
        """Send the requests and account for every row.

        The run stops by itself when no other request can succeed (a wrong key, a missing permission, an address that is
        not the API), when its first requests all fail alike, and when a server that worked has failed for ten minutes;
        until then, one request a second asks whether it is back. `Report.stopped_by` tells. Cancelling stops it
        within 0.2 seconds and raises `asyncio.CancelledError`; the report is then in `last_report`. Cancelling again
        closes the requests under way at once, without a report.

        What happens is logged to the logger `bizkithub`, on this thread: the begin and the end, longer waits, outages,
        the error that stopped the run, and at the level `DEBUG` every request. Each record has the event's stable
        `name`, its `run` and its `fields` in `record.bizkithub`.

        Args:
            concurrency: The most requests under way at once, from 1 on; at most 256 are used.
            on_quota: What to do when the quota is used up, or the server asks for a long wait: `"wait"`, however long
                that takes, or `"stop"`; then `Report.resume_at` tells when to run again.
            pace: `"even"` spreads the requests over the quota's window, so that others with the same key find room at
                any time; a run that needs at most half of what is left goes at once. `"fast"` uses what is there, then
                waits.
            reserve: The share of the quota that is left to others, from 0 to below 1.
            deadline: The longest that the run may take, in seconds. A wait, for quota or for the server, that would end
                later ends the run at once; `Report.resume_at` tells when to run again.
            longest_wait: The longest wait at a time, for quota or because the server asks for it, in seconds. A longer
                one ends the run at once; `Report.resume_at` tells when to run again.
            burst: For how long requests leave, in seconds; then the answers under way are waited for, and
                `Report.resume_at` tells from when on the run may go on.
            breaker: Stops a run whose first so many requests all fail alike, because the cause is hardly in the
                customers; `None` for never.
            progress: Who is told, at most ten times a second and at the end: `True` for a bar of tqdm, or where that is
                not installed a line on standard error; a bar like those of tqdm; or a function, which is called on the
                event loop with a `Progress`. An exception of it cancels the run, without a report, and is raised.

        Raises:
            InvalidInputError: An argument is not valid, or the client is closed; nothing was sent.

        """
        from bizkithub._event_loop import call

        telling = Telling(progress)
        settings = _native.RunSettings(
            concurrency=concurrency,
            on_quota=on_quota,
            pace=pace,
            reserve=reserve,
            deadline=deadline,
            longest_wait=longest_wait,
            burst=burst,
            breaker=breaker,
            with_progress=telling.with_progress,
            log_level=telling.log_level,
        )
        cancel = self._begin()
        inner = await call(
            self._native.start_run,
            self._client,
            settings,
            cancel,
            on_event=telling,
            stopping=(cancel.cancel, self._keep_interrupted),
        )
        return self._keep(inner)
