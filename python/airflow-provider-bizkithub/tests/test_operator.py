"""What the operator refuses, how it is stopped, and what it tells others."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bizkithub._airflow import AirflowException, AirflowFailException
from airflow_provider_bizkithub.job import Job
from airflow_provider_bizkithub.link import RejectsLink
from airflow_provider_bizkithub.operator import BizKitHubAddGroupsOperator
from airflow_provider_bizkithub.trigger import QuotaTrigger

if TYPE_CHECKING:
    from pathlib import Path

    import bizkithub as bk

ROWS = [{"email": f"user{number}@example.com"} for number in range(100)]


class TaskInstance:
    """As much of a task instance as the operator uses."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def operator(**settings: Any) -> BizKitHubAddGroupsOperator:
    return BizKitHubAddGroupsOperator(
        task_id="add_groups", email_column="email", constant_groups=["vip"], **{"source": ROWS, **settings}
    )


def execute(task: BizKitHubAddGroupsOperator) -> Any:
    return task.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]


@pytest.mark.usefixtures("connect")
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "no ledger is given"),
        ({"source": None, "ledger": "x"}, "given: none"),
        ({"sql": "SELECT 1", "ledger": "x"}, "given: source, sql"),
        ({"source": None, "sql": "SELECT 1", "ledger": "x"}, "sql_conn_id is missing"),
        ({"source": "/nowhere/customers.csv", "ledger": "x"}, "/nowhere/customers.csv"),
    ],
)
def test_what_cannot_work_fails_for_good(settings: dict[str, Any], text: str, tmp_path: Path) -> None:
    if "ledger" in settings:
        settings = {**settings, "ledger": str(tmp_path / "groups.ledger")}
    with pytest.raises(AirflowFailException, match=text):
        execute(operator(**settings))


@pytest.mark.usefixtures("connect")
def test_an_outage_may_be_tried_again(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    sandbox.add_fault({"effect": "html_body"})
    with pytest.raises(AirflowException) as caught:
        execute(operator(ledger=str(tmp_path / "groups.ledger")))
    assert not isinstance(caught.value, AirflowFailException)
    sandbox.clear_faults()
    assert execute(operator(ledger=str(tmp_path / "groups.ledger")))["applied"] == 100


@pytest.mark.usefixtures("connect")
@pytest.mark.parametrize(
    ("effect", "is_hopeless"),
    [
        ({"status": {"status": 404, "code": "PUBLIC_API_KEY_DOES_NOT_EXIST"}}, True),
        ({"status": {"status": 401, "code": "PERMISSION_MEMBER_HAS_NO_PERMISSION"}}, True),
        ({"status": {"status": 422, "code": "SOMETHING_NEW"}}, True),
        ({"status": {"status": 503}}, False),
    ],
)
def test_what_trying_again_does_not_mend_fails_for_good(
    sandbox: bk.Sandbox, tmp_path: Path, effect: Any, *, is_hopeless: bool
) -> None:
    sandbox.add_fault({"effect": effect})
    with pytest.raises(AirflowException) as caught:
        execute(operator(ledger=str(tmp_path / "groups.ledger"), on_rejects="warn"))
    assert isinstance(caught.value, AirflowFailException) == is_hopeless


@pytest.mark.usefixtures("connect")
@pytest.mark.parametrize("misspelt", ["groups_column", "cu_ref_no_column"])
def test_a_misspelt_column_of_rows_is_told_also_when_they_are_written_down(
    sandbox: bk.Sandbox, tmp_path: Path, misspelt: str
) -> None:
    settings: dict[str, Any] = {
        "source": [{"email": "a@example.com", "segment": "news"}],
        "rejects": str(tmp_path / "rejects.csv"),
        "ledger": str(tmp_path / "groups.ledger"),
    }
    with pytest.raises(AirflowFailException, match=r"no row has the column \"segmnt\".*first row are: email, segment"):
        execute(operator(**settings, **{misspelt: "segmnt"}))
    assert sandbox.customers() == []


@pytest.mark.usefixtures("connect")
def test_a_ledger_of_somebody_else_fails_for_good(tmp_path: Path) -> None:
    ledger = tmp_path / "customers.csv"
    ledger.write_text("email\n", encoding="utf-8")
    with pytest.raises(AirflowFailException):
        execute(operator(ledger=str(ledger)))


@pytest.mark.usefixtures("connect")
def test_a_leg_ends_in_time_and_goes_on_later(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    try:
        from airflow.sdk.exceptions import TaskDeferred
    except ImportError:
        from airflow.exceptions import TaskDeferred
    sandbox.add_fault({"effect": {"latency_seconds": 0.05}})
    task = operator(ledger=str(tmp_path / "groups.ledger"), concurrency=4, leg=timedelta(seconds=0.5))
    with pytest.raises(TaskDeferred) as caught:
        execute(task)
    trigger = caught.value.trigger
    assert isinstance(trigger, QuotaTrigger)
    wait = datetime.fromisoformat(trigger.moment) - datetime.now(timezone.utc)
    assert timedelta(seconds=50) < wait <= timedelta(seconds=60), "sooner would not be safe"
    assert 0 < len(sandbox.customers()) < 100
    sandbox.clear_faults()
    summary = task.resume({"ti": TaskInstance()}, {"moment": trigger.moment, "job": trigger.job})  # type: ignore[typeddict-item]
    assert (summary["applied"], summary["skipped"], summary["legs"]) == (100, 0, 2)


@pytest.mark.usefixtures("connect")
def test_every_setting_of_a_plan_arrives(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    rows = [("1cGIHvFoQDGLAbcA", "vip"), ("1cGIHvFoQDGLAbcB", "typo")]
    settings: dict[str, Any] = {
        "source": rows,
        "email_column": None,
        "cu_ref_no_column": 0,
        "groups_column": 1,
        "constant_groups": (),
        "allow_groups": ["vip"],
        "ledger": str(tmp_path / "groups.ledger"),
        "rejects_allowed": 1,
    }
    run = lambda **more: execute(BizKitHubAddGroupsOperator(task_id="add_groups", **settings, **more))  # noqa: E731
    assert run()["applied"] == 1
    assert sandbox.groups_of(cu_ref_no="1cGIHvFoQDGLAbcA") == {"vip"}
    assert run()["skipped"] == 1
    assert run(resend_after=timedelta(hours=1))["skipped"] == 1
    assert run(resend_after=timedelta(microseconds=1))["applied"] == 1
    assert run(resend=True)["applied"] == 1


def test_schedulers_keep_the_moment_of_a_rescheduled_task() -> None:
    from airflow_provider_bizkithub._airflow import IS_AIRFLOW_2

    task: Any = operator(ledger="x")
    assert "reschedule" in task.get_serialized_fields()
    assert task.reschedule
    if IS_AIRFLOW_2:
        from airflow.ti_deps.deps.ready_to_reschedule import ReadyToRescheduleDep

        assert ReadyToRescheduleDep() in task.deps
    else:
        assert task._is_sensor
        assert "_is_sensor" in task.get_serialized_fields()


def test_a_wrong_choice_is_told_when_the_dag_is_read() -> None:
    with pytest.raises(ValueError, match="give 'fail' or 'warn'"):
        operator(on_rejects="warning")


@pytest.mark.usefixtures("connect")
def test_a_killed_task_keeps_what_the_server_said(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    sandbox.add_fault({"when": {"email": "user50@example.com"}, "effect": "never_answer"})
    task = operator(ledger=str(tmp_path / "groups.ledger"), concurrency=1)

    def kill(_: Any) -> None:
        if sandbox.wait_for_request(fault="never_answer", timeout=30):
            task.on_kill()

    import threading

    killing = threading.Thread(target=kill, args=(None,))
    killing.start()
    with pytest.raises(AirflowException, match="the task was stopped"):
        execute(task)
    killing.join()
    sandbox.clear_faults()
    # The second task sends the fiftieth again, because nobody knows what became of it, and the rest.
    summary = execute(operator(ledger=str(tmp_path / "groups.ledger")))
    assert (summary["skipped"], summary["requests"]) == (50, 50)


def test_a_task_killed_before_its_run_sends_nothing(connect: Any, sandbox: bk.Sandbox, tmp_path: Path) -> None:
    connect(ledger=str(tmp_path / "groups.ledger"))
    task: BizKitHubAddGroupsOperator

    def rows() -> list[dict[str, str]]:
        task.on_kill()
        return ROWS

    task = operator(source=None, python_callable=rows)
    with pytest.raises(AirflowException, match="the task was stopped"):
        execute(task)
    assert sandbox.requests() == []


@pytest.mark.usefixtures("connect")
def test_lineage_tells_what_went_where(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("airflow.providers.openlineage")
    source = tmp_path / "customers.csv"
    source.write_text("email\na@example.com\nb@example.com\n", encoding="utf-8")
    task = operator(source=str(source), ledger=str(tmp_path / "groups.ledger"))
    assert task.get_openlineage_facets_on_complete(None) is None
    execute(task)
    lineage = task.get_openlineage_facets_on_complete(None)
    [read], [written] = lineage.inputs, lineage.outputs
    assert (read.namespace, read.name) == ("file", str(source))
    assert read.inputFacets["inputStatistics"].rowCount == 2
    assert (written.namespace, written.name) == (sandbox.url, "customer-groups")
    assert written.outputFacets["outputStatistics"].rowCount == 2
    task.source = "s3://aws_default@bucket/folder/customers.parquet"
    assert task._dataset() == ("s3://bucket", "folder/customers.parquet")
    task.source = "file:///data/customers.csv"
    assert task._dataset() == ("file", "/data/customers.csv")


def test_a_trigger_fires_at_its_moment_and_can_be_made_elsewhere() -> None:
    import asyncio
    import importlib

    job = Job.begin().values()
    path, arguments = QuotaTrigger(datetime.now(timezone.utc).isoformat(), job).serialize()
    module, _, name = path.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))

    async def first() -> Any:
        return await anext(trigger.run())

    payload = asyncio.run(first()).payload
    assert payload == {"moment": arguments["moment"], "job": job}
    assert Job(**payload["job"]) == Job(**job)


def test_a_link_never_raises_and_leads_to_object_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_bizkithub import link

    locations = {
        "/data/rejects.csv": "file:///data/rejects.csv",
        "s3://aws_default@bucket/a/rejects.csv": "https://console.aws.amazon.com/s3/object/bucket?prefix=a/rejects.csv",
        "gs://bucket/rejects.csv": "https://console.cloud.google.com/storage/browser/_details/bucket/rejects.csv",
        "": "",
    }
    for location, address in locations.items():
        monkeypatch.setattr(link.XCom, "get_value", lambda found=location, **_: found)
        assert RejectsLink().get_link(operator(), ti_key=None) == address

    def fail(**_: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(link.XCom, "get_value", fail)
    assert RejectsLink().get_link(operator(), ti_key=None) == ""


def test_importing_the_operator_loads_nothing_native() -> None:
    program = "import sys, airflow_provider_bizkithub.operator; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"bizkithub", "pandas", "pyarrow", "flask_appbuilder"} & set(ran.stdout.split())
