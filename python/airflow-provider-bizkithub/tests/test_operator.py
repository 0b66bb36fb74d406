"""What the operator refuses, how it is stopped, and what it tells others."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone
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
