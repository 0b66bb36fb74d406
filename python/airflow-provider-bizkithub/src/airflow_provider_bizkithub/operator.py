"""The operator that puts groups on customers, in legs that leave the worker free while the quota is used up."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_bizkithub import source as sources
from airflow_provider_bizkithub._airflow import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    determine_kwargs,
)
from airflow_provider_bizkithub.hook import BizKitHubHook
from airflow_provider_bizkithub.job import Job
from airflow_provider_bizkithub.link import REJECTS_KEY, RejectsLink
from airflow_provider_bizkithub.reschedulable import ReschedulableOperator
from airflow_provider_bizkithub.trigger import QuotaTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from bizkithub import BizKitHubError, Plan, Progress, Report

    from airflow_provider_bizkithub._airflow import Context

_SAFE = timedelta(seconds=60)
"""Sooner than this a task is not to be resumed: see `defer_from`."""

_PROGRESS_INTERVAL = timedelta(seconds=30)
"""How often a task's log tells how far it is."""

_HOPELESS = frozenset({"api_key", "permission", "invalid_input", "rejected"})
"""The kinds of errors that trying again does not mend; `rejected` stops a run whose first requests all fail alike."""


class BizKitHubAddGroupsOperator(ReschedulableOperator):
    """Puts groups on the customers of a table, with the fewest requests, and accounts for every row.

    A job that the quota stretches over hours runs in legs: it sends what the quota allows, then defers to the moment at
    which the quota comes back, and holds no worker meanwhile. Each leg plans anew, and what the ledger knows is not
    sent again: not by the next leg, nor after a retry, nor after the worker was killed. So a ledger is required, where
    every worker reaches it.

    The rows come from `source`, `sql` or `python_callable`, of which exactly one is given. A file is read on the host
    of the worker.

    Args:
        source: The path of a CSV, NDJSON or Parquet file; a URI of Airflow's object storage such as
            `s3://aws_default@bucket/customers.parquet`; or, mostly from another task's XCom, rows or a data frame.
        sql: A query, or the name of a `.sql` file. Its rows are streamed, not fetched whole.
        sql_conn_id: The connection of the query: any whose hook has an SQLAlchemy engine.
        sql_parameters: What the placeholders of the query stand for, as the database's driver wants it.
        python_callable: A function that returns what `source` may be; it takes those values of the task's context that
            its parameters name. It is called again in every leg.
        email_column: The column of e-mail addresses: its name, or its position in tuples.
        cu_ref_no_column: The column of customer reference numbers. At least one of the two columns is required.
        groups_column: The column of groups: texts separated by `;` or `|`, or lists of texts.
        constant_groups: Groups for all rows, before those of the row.
        allow_groups: When given, rows with any other group are refused.
        delimiter: What separates the cells of a CSV file: one ASCII character.
        bizkithub_conn_id: The connection of the type `bizkithub`.
        ledger: Where the ledger is, instead of what the connection says: `postgresql://user@host/database`, or the path
            of a file when all workers run on one host.
        ledger_conn_id: A PostgreSQL connection to keep the ledger in, instead of `ledger`.
        ledger_schema: The schema of its tables there, one for each organisation. Default: `bizkithub`.
        rejects: Where the rejected rows go as a CSV file: a path or URI. Rows that come from no file are written to a
            temporary one for it. Default: only their number and codes are told.
        on_rejects: What to do when more rows are rejected than `rejects_allowed`: `"fail"` the task, without sending
            anything when the rows that this client refuses are too many already, or `"warn"`.
        rejects_allowed: How many rejected rows are fine; a number below 1 is a share of the rows.
        dry_run: Log the bill and send nothing.
        resend: Send again what the ledger knew when the run of the DAG began.
        resend_after: Send again what was acknowledged longer ago.
        retry_rejected: Send again what the server had refused when the run of the DAG began; otherwise it is rejected
            without asking again.
        concurrency: The most requests under way at once, at most 256.
        pace: `"fast"` uses the quota that is there, then waits without a worker; `"even"` spreads the requests, which
            holds the worker all the time.
        reserve: The share of the quota that is left to others, from 0 to below 1.
        leg: The longest that a leg sends, because schedulers and hosts end tasks of hours.
        defer_from: Shorter waits for quota hold the worker: Airflow may fail a task that is resumed very soon
            (https://github.com/apache/airflow/issues/72716).
        deferrable: Without a triggerer, `False` frees the worker by rescheduling the task instead.

    The task returns a summary of less than 2 KB: `rows`, `applied`, `skipped`, `rejected`, `rejected_by_code`,
    `rejects`, `requests`, `legs`, `seconds` and more.

    """

    template_fields: Sequence[str] = (
        "source",
        "sql",
        "sql_conn_id",
        "sql_parameters",
        "email_column",
        "cu_ref_no_column",
        "groups_column",
        "constant_groups",
        "allow_groups",
        "bizkithub_conn_id",
        "ledger",
        "ledger_conn_id",
        "ledger_schema",
        "rejects",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}
    operator_extra_links: Collection[Any] = (RejectsLink(),)
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        source: Any = None,
        sql: str | None = None,
        sql_conn_id: str | None = None,
        sql_parameters: Any = None,
        python_callable: Callable[..., Any] | None = None,
        email_column: str | int | None = None,
        cu_ref_no_column: str | int | None = None,
        groups_column: str | int | None = None,
        constant_groups: Sequence[str] = (),
        allow_groups: Sequence[str] | None = None,
        delimiter: str = ",",
        bizkithub_conn_id: str = BizKitHubHook.default_conn_name,
        ledger: str | None = None,
        ledger_conn_id: str | None = None,
        ledger_schema: str | None = None,
        rejects: str | None = None,
        on_rejects: Literal["fail", "warn"] = "fail",
        rejects_allowed: float = 0,
        dry_run: bool = False,
        resend: bool = False,
        resend_after: timedelta | None = None,
        retry_rejected: bool = False,
        concurrency: int = 16,
        pace: Literal["fast", "even"] = "fast",
        reserve: float = 0.0,
        leg: timedelta = timedelta(minutes=15),
        defer_from: timedelta = timedelta(seconds=60),
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_rejects not in {"fail", "warn"}:
            raise ValueError(f"on_rejects is {on_rejects!r}: give 'fail' or 'warn'")
        self.source = source
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.sql_parameters = sql_parameters
        self.python_callable = python_callable
        self.email_column = email_column
        self.cu_ref_no_column = cu_ref_no_column
        self.groups_column = groups_column
        self.constant_groups = constant_groups
        self.allow_groups = allow_groups
        self.delimiter = delimiter
        self.bizkithub_conn_id = bizkithub_conn_id
        self.ledger = ledger
        self.ledger_conn_id = ledger_conn_id
        self.ledger_schema = ledger_schema
        self.rejects = rejects
        self.on_rejects = on_rejects
        self.rejects_allowed = rejects_allowed
        # An operator has a method of the parameter's name.
        self.only_plan = dry_run
        self.resend = resend
        self.resend_after = resend_after
        self.retry_rejected = retry_rejected
        self.concurrency = concurrency
        self.pace = pace
        self.reserve = reserve
        self.leg = leg
        self.defer_from = defer_from
        self.deferrable = deferrable
        self._plan: Plan | None = None
        self._is_killed = False
        self._next_progress = datetime.now(timezone.utc)
        self._base_url = ""
        self._summary: dict[str, Any] | None = None

    def execute(self, context: Context) -> Any:
        """Run the first leg."""
        return self._run_leg(context, Job.begin())

    def resume(self, context: Context, event: dict[str, Any]) -> Any:
        """Run the next leg, when the quota has come back."""
        job = Job(**event["job"])
        self.log.info("Going on with leg %d; the quota was to come back at %s", job.legs + 1, event["moment"])
        return self._run_leg(context, job)

    def on_kill(self) -> None:
        """Stop the run: the requests under way get a moment, and the ledger keeps what the server said."""
        self._is_killed = True
        if self._plan is not None:
            self._plan.cancel()

    def get_openlineage_facets_on_complete(self, _: Any) -> Any:
        """Tell OpenLineage which data went where."""
        if self._summary is None:
            return None
        from airflow_provider_bizkithub.lineage import lineage

        return lineage(self._dataset(), self._base_url, self._summary)

    def _run_leg(self, context: Context, job: Job) -> Any:
        from bizkithub import BizKitHubError

        try:
            with self._planned(context) as plan:
                if self.only_plan:
                    return self._tell_bill(plan, context)
                self._tell_bill(plan, context, is_short=job.legs > 0)
                report = self._run(plan)
                self._write_rejects(report, context)
        except BizKitHubError as error:
            raise _failure(error) from error
        job = job.after(report)
        self._summary = job.summary(report, str(self.rejects) if self.rejects and report.rejected else None)
        if self._is_killed or report.is_cancelled:
            raise AirflowException(f"the task was stopped: {report.advice or 'every row is settled'}")
        if report.stopped_by is not None:
            raise _failure(report.stopped_by) from report.stopped_by
        if report.resume_at is not None:
            self._leave_until(report.resume_at, job)
        if report.pending or report.unknown:
            raise AirflowException(f"not every row is settled: {report.advice}")
        self._judge_rejects(report.rejected, report.rows, report.rejected_by_code, context)
        return self._summary

    @contextmanager
    def _planned(self, context: Context) -> Iterator[Plan]:
        hook = BizKitHubHook(
            self.bizkithub_conn_id,
            ledger=self.ledger,
            ledger_conn_id=self.ledger_conn_id,
            ledger_schema=self.ledger_schema,
        )
        if not self.only_plan and not hook.has_ledger():
            raise AirflowFailException(
                "no ledger is given, so that a retry or the next leg would send everything again: "
                "set ledger_conn_id to a PostgreSQL connection, or ledger to a path when all workers run on one host"
            )
        sources.prepare(self.rejects or None)
        named = [
            column for column in (self.email_column, self.cu_ref_no_column, self.groups_column) if column is not None
        ]
        with (
            hook.get_conn() as client,
            sources.opened(self._data(context), columns=named if self.rejects else None) as data,
        ):
            self._base_url = client.base_url
            self._plan = client.plan(
                data,
                email=self.email_column,
                cu_ref_no=self.cu_ref_no_column,
                groups=self.groups_column,
                constant_groups=self.constant_groups,
                allow_groups=self.allow_groups,
                delimiter=self.delimiter,
                resend=self.resend,
                resend_after=None if self.resend_after is None else self.resend_after.total_seconds(),
                retry_rejected=self.retry_rejected,
                begun_at=_began(context),
            )
            yield self._plan

    def _data(self, context: Context) -> Any:
        given = [name for name in ("source", "sql", "python_callable") if getattr(self, name) is not None]
        if len(given) != 1:
            raise AirflowFailException(
                f"give exactly one of source, sql and python_callable; given: {', '.join(given) or 'none'}"
            )
        if self.sql is not None:
            if self.sql_conn_id is None:
                raise AirflowFailException("sql_conn_id is missing: name the connection of the query")
            return sources.rows_of_query(self.sql_conn_id, self.sql, self.sql_parameters)
        if self.python_callable is not None:
            return self._call(self.python_callable, context)
        return self.source

    def _call(self, function: Callable[..., Any], context: Context) -> Any:
        return function(**determine_kwargs(function, (), context))

    def _run(self, plan: Plan) -> Report:
        if self._is_killed:
            raise AirflowException("the task was stopped before it sent anything")
        self._next_progress = datetime.now(timezone.utc) + _PROGRESS_INTERVAL
        return plan.run(
            concurrency=self.concurrency,
            pace=self.pace,
            reserve=self.reserve,
            longest_wait=self.defer_from.total_seconds(),
            burst=self.leg.total_seconds(),
            progress=self._tell_progress,
        )

    def _tell_progress(self, progress: Progress) -> None:
        if self._is_killed and self._plan is not None:
            # The signal may have come a moment before there was a run to stop.
            self._plan.cancel()
        now = datetime.now(timezone.utc)
        if now >= self._next_progress and not progress.is_done:
            self._next_progress = now + _PROGRESS_INTERVAL
            self.log.info(
                "%d of %d requests done, %d rows rejected",
                progress.requests_done,
                progress.requests,
                progress.rejected,
            )

    def _tell_bill(self, plan: Plan, context: Context, *, is_short: bool = False) -> dict[str, Any]:
        bill = plan.bill
        if is_short:
            self.log.info("%d requests are left", bill.requests)
        else:
            self.log.info("The plan:\n%s", bill)
            for reason in plan.reasons[:10]:
                self.log.info("Rejected rows: %d, for example %s", reason.rows, reason.examples[0].error)
        # What the server refused earlier, perhaps in another leg, is judged at the end.
        refused = len(plan.refusals)
        has_failed = self.on_rejects == "fail" and self._are_too_many(refused, bill.rows)
        if self.only_plan or has_failed:
            self._write_rejects(plan, context)
        if has_failed and not self.only_plan:
            codes = Counter(error.code or error.kind for error in plan.refusals)
            self._judge_rejects(refused, bill.rows, codes, context, "nothing more was sent")
        return {
            "rows": bill.rows,
            "customers": bill.customers,
            "requests": bill.requests,
            "skipped": bill.skipped,
            "rejected": bill.rejected,
            "rejects": str(self.rejects) if self.rejects and bill.rejected else None,
            "seconds": None if bill.time is None else round(bill.time.seconds, 1),
        }

    def _write_rejects(self, result: Plan | Report, context: Context) -> None:
        location = ""
        if self.rejects:
            with TemporaryDirectory(prefix="bizkithub-") as folder:
                file = Path(folder, "rejects.csv")
                if result.write_rejects(file):
                    location = str(self.rejects)
                    sources.save(file, location)
        # The link looks for it after every leg, and a missing one would be an error in the task's log.
        context["ti"].xcom_push(REJECTS_KEY, location)

    def _are_too_many(self, rejected: int, rows: int) -> bool:
        is_share = 0 < self.rejects_allowed < 1
        return rejected > (self.rejects_allowed * rows if is_share else self.rejects_allowed)

    def _judge_rejects(
        self, rejected: int, rows: int, by_code: Any, context: Context, consequence: str = "all others are settled"
    ) -> None:
        if not self._are_too_many(rejected, rows):
            return
        codes = ", ".join(f"{count} {code}" for code, count in by_code.items())
        place = f"; they are in {self.rejects}" if self.rejects else ""
        text = f"{rejected} of {rows} rows are rejected ({codes}){place}"
        if self.on_rejects == "warn":
            self.log.warning("%s", text)
            return
        if self._summary is not None:
            context["ti"].xcom_push("return_value", self._summary)
        raise AirflowFailException(f"{text}; {consequence}")

    def _leave_until(self, moment: datetime, job: Job) -> None:
        """Give the worker back; a leg that has just ended goes on as soon as that is safe."""
        moment = max(moment, datetime.now(timezone.utc) + min(self.defer_from, _SAFE))
        self.log.info("Leaving the worker free until %s", moment.isoformat(timespec="seconds"))
        if not self.deferrable:
            raise AirflowRescheduleException(moment)
        # What the next leg has to know goes with the event, because tests of a DAG forget other arguments.
        self.defer(trigger=QuotaTrigger(moment.isoformat(), job.values()), method_name="resume")

    def _dataset(self) -> tuple[str, str] | None:
        """Name the input as OpenLineage does, where it has a name."""
        location = str(self.source) if sources.is_location(self.source) else None
        if location is None:
            return None
        scheme, separator, rest = location.partition("://")
        if not separator or scheme == "file":
            return "file", str(Path(rest if separator else location).absolute())
        bucket, _, name = rest.rpartition("@")[2].partition("/")
        return f"{scheme}://{bucket}", name


def _began(context: Context) -> Any:
    """Tell when the job began: all legs and tries of a run of the DAG are one; clearing a finished run begins anew."""
    dag_run: Any = context.get("dag_run")
    return None if dag_run is None else dag_run.start_date


def _failure(error: BizKitHubError) -> AirflowException:
    """Make Airflow's error; what trying again does not mend is not tried again."""
    is_hopeless = error.kind in _HOPELESS or (error.kind == "ledger" and not error.is_retryable)
    return (AirflowFailException if is_hopeless else AirflowException)(str(error))
