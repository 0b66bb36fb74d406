"""The data source `bizkithub` of Spark: rows go to the driver, and one sender sends them when every task is done."""

from __future__ import annotations

import signal
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSource, DataSourceArrowWriter, WriterCommitMessage

from bizkithub import _native
from bizkithub._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, NoReturn

    import pyarrow as pa
    from pyspark.sql.types import StructType

    from bizkithub.client import Client
    from bizkithub.plan import Plan
    from bizkithub.report import Report

_COLUMNS = ("email", "cu_ref_no", "groups")
_LISTS = ("constant_groups", "allow_groups")
_CLIENT = ("base_url", "quota", "ca_file")
_FILES = ("api_key_file", "ledger_url_file")
_OPTIONS = {*_COLUMNS, *_LISTS, *_CLIENT, *_FILES, "ledger_url", "on_rejects", "retry_rejected", "rejects", "outcomes"}


class BizKitHubDataSource(DataSource):
    """Puts groups on the customers of a data frame, with `save()` as the action.

        bizkithub.spark.register(spark)
        options = {"email": "email", "groups": "segment", "ledger_url": "postgresql://user@host/database"}
        rows.write.format("bizkithub").options(**options).mode("append").save()

    The tasks send nothing: they hand their rows to the driver, which plans them and sends them in one run when every
    task has succeeded. So a task that is tried again sends nothing twice, and a job that fails before has sent nothing.
    All rows pass through the driver, whose memory and `spark.driver.maxResultSize` bound them: above some millions, use
    `prepare`.

    Options, the names of columns first:

    - `email`, `cu_ref_no` and `groups`: at least one of the first two is required; `groups` or `constant_groups` is,
      too.
    - `constant_groups` and `allow_groups`: groups separated by `;` or `|`.
    - `ledger_url`: required, because a driver may die half-way; writing again then sends what is left.
      `postgresql://user@host/database`, or the path of a file on the driver's host. Spark hides options with `url` in
      their names.
    - `ledger_url_file`: instead, a file on the driver's host that holds the URL, because options travel to every task.
    - `api_key_file`: a file on the driver's host that holds the key. Default: the environment variable
      `BIZKITHUB_API_KEY` as it was when the session began. There is no option for the key itself, because options
      travel to every task.
    - `base_url`, `quota` and `ca_file`: as of `bizkithub.Client`.
    - `on_rejects`: `fail` (the default) sends nothing when this client refuses a row, and fails at the end when the
      server refuses one; `warn` goes on.
    - `retry_rejected`: `true` sends again what the server refused earlier.
    - `rejects` and `outcomes`: files on the driver's host for the rejected rows (CSV) and for every row's outcome
      (`.csv`, `.ndjson`).

    Paths are absolute: the driver's work is done in another folder than the program's.
    """

    @classmethod
    @override
    def name(cls) -> str:
        """Tell the name of the format."""
        return "bizkithub"

    @override
    def writer(self, schema: StructType, overwrite: bool) -> DataSourceArrowWriter:
        """Check the options, before any task begins."""
        options = dict(self.options)
        if overwrite:
            raise ValueError("groups are put on customers, never taken away: write with the mode `append`")
        if unknown := sorted(set(options) - _OPTIONS):
            raise ValueError(f"unknown options: {', '.join(unknown)}; known are: {', '.join(sorted(_OPTIONS))}")
        if ("ledger_url" in options) == ("ledger_url_file" in options):
            raise ValueError(
                "ledger_url or ledger_url_file is missing: a driver may die half-way, and only a ledger knows what was "
                "sent; give postgresql://user@host/database, or the path of a file on the driver's host"
            )
        if options.get("on_rejects", "fail") not in {"fail", "warn"}:
            raise ValueError("on_rejects is `fail` or `warn`")
        for name in ("rejects", "outcomes"):
            if name in options and not Path(options[name]).parent.is_dir():
                raise ValueError(f"{name}: there is no folder {Path(options[name]).parent} on the driver's host")
        if "outcomes" in options:
            _native.check_outcomes_path(options["outcomes"])
        lists = {"constant_groups": (), "allow_groups": None, **_lists(options)}
        settings = _native.PlanSettings(
            email=options.get("email"),
            cu_ref_no=options.get("cu_ref_no"),
            groups=options.get("groups"),
            **lists,
            resend=False,
            resend_after=None,
            retry_rejected=False,
            begun_at=None,
        )
        _native.RowsInParts(settings)
        columns = [schema.names[place] for place in settings.places(schema.names)]
        _client(options).close()
        return _Writer(options, columns)


def _lists(options: Mapping[str, str]) -> dict[str, Any]:
    """Take the groups of the options apart."""
    return {name: _native.separate_groups(options[name]) for name in _LISTS if name in options}


def _client(options: Mapping[str, str]) -> Client:
    """Make the sender's client, which asks nothing of the network or of the ledger yet."""
    from bizkithub.client import Client

    settings: dict[str, Any] = {name: options[name] for name in _CLIENT if name in options}
    if "api_key_file" in options:
        settings["api_key"] = _text(options["api_key_file"])
    ledger = options["ledger_url"] if "ledger_url" in options else _text(options["ledger_url_file"])
    return Client(ledger=ledger, **settings)


def _text(file: str) -> str:
    return Path(file).read_text(encoding="utf-8").strip()


@dataclass
class _Rows(WriterCommitMessage):
    """The rows of a task, compressed."""

    data: bytes


class _Writer(DataSourceArrowWriter):
    def __init__(self, options: Mapping[str, str], columns: list[str]) -> None:
        self._options = options
        self._columns = columns

    @override
    def write(self, iterator: Iterator[pa.RecordBatch]) -> _Rows:
        """Collect a task's rows, with no other columns than a plan reads. Runs on an executor."""
        import pyarrow as pa

        sink, writer = pa.BufferOutputStream(), None
        compressed = pa.ipc.IpcWriteOptions(compression="zstd")
        for batch in iterator:
            part = batch.select(self._columns)
            writer = writer or pa.ipc.new_stream(sink, part.schema, options=compressed)
            writer.write_batch(part)
        if writer is not None:
            writer.close()
        return _Rows(sink.getvalue().to_pybytes())

    @override
    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Send the rows of all tasks. Runs on the driver, once, when every task has succeeded."""
        options = self._options
        columns: dict[str, Any] = {name: options[name] for name in _COLUMNS if name in options}
        is_strict = options.get("on_rejects", "fail") == "fail"
        with (
            tempfile.TemporaryDirectory(prefix="bizkithub-") as folder,
            _client(options) as client,
            _ended_by_signals(),
        ):
            file = Path(folder, "rows.parquet")
            if not _write_parquet(messages, file):
                return
            if "rejects" in options:
                # Those of an earlier write are none of this one.
                Path(options["rejects"]).unlink(missing_ok=True)
            retry_rejected = options.get("retry_rejected", "false").lower() == "true"
            plan = client.plan(file, **columns, **_lists(options), retry_rejected=retry_rejected)
            if is_strict and plan.refusals:
                self._write_rejects(plan)
                raise ValueError(f"nothing was sent: {_rejected(plan)}")
            report = plan.run()
            if "outcomes" in options:
                report.write_outcomes(options["outcomes"])
            self._write_rejects(report)
        if report.stopped_by is not None:
            raise report.stopped_by
        if report.pending or report.unknown:
            raise RuntimeError(f"write again: {report.advice}")
        if is_strict and report.rejected:
            raise ValueError(f"all other rows are settled: {_rejected(report)}")

    @override
    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Do nothing: before a commit nothing is sent, and what a commit has sent is in the ledger."""

    def _write_rejects(self, result: Plan | Report) -> None:
        if "rejects" in self._options:
            result.write_rejects(self._options["rejects"])


def _write_parquet(messages: list[WriterCommitMessage | None], file: Path) -> bool:
    """Write the rows of all tasks to a file, so that memory need not hold them; tell whether there are any."""
    import pyarrow as pa
    from pyarrow import parquet

    writer = None
    for message in messages:
        if isinstance(message, _Rows) and message.data:
            with pa.ipc.open_stream(message.data) as stream:
                writer = writer or parquet.ParquetWriter(file, stream.schema)
                for batch in stream:
                    writer.write_batch(batch)
    if writer is None:
        return False
    writer.close()
    return True


def _rejected(result: Plan | Report) -> str:
    shown = result.reasons[:5]
    return "; ".join(f"{reason.rows} rows are rejected, such as {reason.examples[0].error}" for reason in shown)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End a run when the session stops, whose signals would end this process without a word to the ledger."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    # There is no SIGHUP on Windows.
    numbers = [getattr(signal, name) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
