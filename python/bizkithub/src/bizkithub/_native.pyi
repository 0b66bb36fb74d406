from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Final, Literal, TypeAlias, final

from bizkithub._rows import Row
from bizkithub.errors import BizKitHubError
from bizkithub.reason import ReasonValues
from bizkithub.receipt import ReceiptValues
from bizkithub.row_outcome import Outcome

__all__ = [
    "VERSION",
    "ArrowRows",
    "Cancel",
    "Client",
    "Completions",
    "Plan",
    "PlanSettings",
    "Report",
    "RowsInParts",
    "RunSettings",
    "Sandbox",
    "Task",
    "check_new_column",
    "check_outcomes_path",
    "panic_for_tests",
    "run_command",
    "separate_groups",
    "slug",
]

_Tell: TypeAlias = Callable[[int, str], object]

VERSION: Final[str]

def slug(text: str) -> str: ...
def check_new_column(name: str, columns: Sequence[str]) -> None: ...
def check_outcomes_path(path: str | PathLike[str]) -> None: ...
def separate_groups(text: str) -> list[str]: ...
def run_command(arguments: Sequence[str]) -> int: ...
def panic_for_tests(on_runtime: bool) -> None: ...

@final
class Client:
    def __new__(
        cls,
        *,
        api_key: str | None,
        base_url: str | None,
        key_placement: str,
        connect_timeout: float,
        timeout: float,
        deadline: float | None,
        tries: int,
        quota: str | None,
        ledger: str | PathLike[str] | None,
        accept_key: bool,
        proxy: str | None,
        ca_file: str | PathLike[str] | None,
        otlp_endpoint: str | None,
    ) -> Client: ...
    @property
    def base_url(self) -> str: ...
    @property
    def is_exporting(self) -> bool: ...
    def add_groups(
        self, email: str | None, cu_ref_no: str | None, groups: Iterable[str], tell: _Tell | None
    ) -> ReceiptValues: ...
    def start_add_groups(
        self,
        completions: Completions,
        number: int,
        email: str | None,
        cu_ref_no: str | None,
        groups: Iterable[str],
        tell: _Tell | None,
    ) -> Task: ...
    def ping(self, tell: _Tell | None) -> ReceiptValues: ...
    def start_ping(self, completions: Completions, number: int, tell: _Tell | None) -> Task: ...
    def close(self, tell: _Tell | None) -> None: ...

@final
class Task:
    def cancel(self) -> None: ...

@final
class Cancel:
    def __new__(cls) -> Cancel: ...
    def cancel(self) -> None: ...

@final
class Completions:
    def __new__(cls) -> Completions: ...
    def fileno(self) -> int: ...
    def wait(self) -> None: ...
    def wake(self) -> None: ...
    def take(self) -> list[tuple[int, Any, BizKitHubError | None]]: ...

@final
class PlanSettings:
    def __new__(
        cls,
        *,
        email: str | int | None,
        cu_ref_no: str | int | None,
        groups: str | int | None,
        constant_groups: Iterable[str],
        allow_groups: Iterable[str] | None,
        resend: bool,
        resend_after: float | None,
        retry_rejected: bool,
        begun_at: datetime | None,
    ) -> PlanSettings: ...
    def places(self, names: Sequence[str]) -> list[int]: ...

@final
class RowsInParts:
    def __new__(cls, settings: PlanSettings) -> RowsInParts: ...
    def read(self, rows: Iterable[Row]) -> None: ...
    def start_plan(self, completions: Completions, number: int, client: Client) -> Task: ...

@final
class ArrowRows:
    def __new__(cls, data: object) -> ArrowRows: ...

@final
class RunSettings:
    def __new__(
        cls,
        *,
        concurrency: int,
        on_quota: Literal["wait", "stop"],
        pace: Literal["even", "fast"],
        reserve: float,
        deadline: float | None,
        longest_wait: float | None,
        burst: float | None,
        breaker: int | None,
        with_progress: bool,
        log_level: int | None,
    ) -> RunSettings: ...

@final
class Plan:
    @staticmethod
    def from_rows(client: Client, rows: Iterable[Row], settings: PlanSettings) -> Plan: ...
    @staticmethod
    def from_file(client: Client, path: str | PathLike[str], delimiter: str, settings: PlanSettings) -> Plan: ...
    @staticmethod
    def start_from_file(
        completions: Completions,
        number: int,
        client: Client,
        path: str | PathLike[str],
        delimiter: str,
        settings: PlanSettings,
    ) -> Task: ...
    @staticmethod
    def from_arrow(client: Client, rows: ArrowRows, settings: PlanSettings) -> Plan: ...
    @staticmethod
    def start_from_arrow(
        completions: Completions, number: int, client: Client, rows: ArrowRows, settings: PlanSettings
    ) -> Task: ...
    @staticmethod
    def check_arrow(rows: ArrowRows, settings: PlanSettings) -> object: ...
    def bill(self, client: Client) -> str: ...
    def reasons(self) -> list[ReasonValues]: ...
    def write_rejects(self, path: str | PathLike[str]) -> int: ...
    def refusal_count(self) -> int: ...
    def refusal(self, index: int) -> BizKitHubError: ...
    def run(
        self,
        client: Client,
        settings: RunSettings,
        cancel: Cancel,
        tell: _Tell,
    ) -> tuple[Report, BaseException | None]: ...
    def start_run(
        self,
        completions: Completions,
        number: int,
        client: Client,
        settings: RunSettings,
        cancel: Cancel,
    ) -> Task: ...

@final
class Report:
    def summary(self) -> str: ...
    def reasons(self) -> list[ReasonValues]: ...
    def stopped_by(self) -> BizKitHubError | None: ...
    def outcome(self, index: int) -> tuple[Outcome, BizKitHubError | None]: ...
    def outcome_stream(self) -> object: ...
    def write_outcomes(self, path: str | PathLike[str]) -> int: ...
    def write_rejects(self, path: str | PathLike[str]) -> int: ...

@final
class Sandbox:
    def __new__(cls, options: str) -> Sandbox: ...
    @property
    def url(self) -> str: ...
    @property
    def api_key(self) -> str: ...
    @property
    def is_running(self) -> bool: ...
    def groups_of(self, email: str | None, cu_ref_no: str | None) -> set[str]: ...
    def requests(self) -> str: ...
    def customers(self) -> str: ...
    def wait_for_request(self, wanted: str, timeout: float) -> str | None: ...
    def add_fault(self, fault: str) -> None: ...
    def clear_faults(self) -> None: ...
    def advance(self, duration: float) -> None: ...
    def stop(self) -> None: ...
