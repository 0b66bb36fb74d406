"""Whole DAGs, run by Airflow's own `dag.test()` against the API on this machine."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bizkithub as bk
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., "Result"]

DAGS = Path(__file__).parent / "dags"


class Result:
    """What became of the task `add_groups`."""

    def __init__(self, dag_run: Any) -> None:
        from airflow.utils.session import create_session

        try:
            from airflow.models.xcom import XComModel as XCom
        except ImportError:
            from airflow.models.xcom import XCom
        [instance] = [instance for instance in dag_run.get_task_instances() if instance.task_id == "add_groups"]
        self.state = str(instance.state)
        with create_session() as session:
            found = session.query(XCom).filter_by(dag_id=dag_run.dag_id, run_id=dag_run.run_id, task_id="add_groups")
            self.xcoms = {xcom.key: _value(xcom.value) for xcom in found}

    @property
    def summary(self) -> dict[str, Any]:
        assert len(json.dumps(self.xcoms["return_value"])) < 2_000
        summary: dict[str, Any] = self.xcoms["return_value"]
        return summary


def _value(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


@pytest.fixture
def run(connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a DAG to its end."""
    monkeypatch.setenv("TEST_FOLDER", str(tmp_path))
    write(tmp_path)

    def run(name: str, **conf: Any) -> Result:
        from airflow.models import DagBag

        bag = DagBag(str(DAGS))
        assert bag.import_errors == {}
        return Result(bag.dags[name].test(run_conf=conf))

    return run


def write(folder: Path, customers: int = 20) -> None:
    lines = [f"user{number}@example.com,{'vip' if number % 2 else 'VIP|news'}" for number in range(customers)]
    (folder / "customers.csv").write_text("\n".join(["email,segment", *lines, "nobody,vip", ""]), encoding="utf-8")


def test_a_file(run: Run, sandbox: bk.Sandbox, tmp_path: Path) -> None:
    result = run("from_file", file="customers.csv")
    assert result.state == "success"
    summary = result.summary
    assert (summary["rows"], summary["applied"], summary["rejected"], summary["legs"]) == (21, 20, 1, 1)
    assert summary["rejected_by_code"] == {"email_invalid": 1}
    assert len(sandbox.requests()) == summary["requests"] == 20
    assert sandbox.groups_of(email="user0@example.com") == {"vip", "news"}
    rejects = Path(summary["rejects"])
    assert rejects.parent == tmp_path / "rejects"
    assert rejects.read_text(encoding="utf-8").splitlines()[1].startswith("nobody,vip,21,")
    assert rejects.stat().st_mode & 0o777 == 0o600
    assert result.xcoms["rejects"] == str(rejects)
    again = run("from_file", file="customers.csv").summary
    assert (again["applied"], again["skipped"], again["requests"]) == (0, 20, 0)


def test_rows_of_another_task(run: Run, sandbox: bk.Sandbox, tmp_path: Path) -> None:
    summary = run("from_xcom").summary
    assert (summary["applied"], summary["rejected"]) == (5, 1)
    assert sandbox.groups_of(email="user4@example.com") == {"vip", "news"}
    lines = (tmp_path / "rejects.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[:2] for line in lines] == [["email", "segment"], ["nobody", "vip"]]


@pytest.mark.parametrize(("name", "customers"), [("from_callable", 5), ("decorated", 3)])
def test_rows_of_a_function(run: Run, sandbox: bk.Sandbox, name: str, customers: int) -> None:
    assert run(name).summary["applied"] == customers
    assert len(sandbox.customers()) == customers


def test_rows_of_a_query(run: Run, sandbox: bk.Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "warehouse.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE customers (address TEXT, segment TEXT)")
        rows = [(f"user{number}@example.com", "vip" if number < 7 else "news") for number in range(10)]
        connection.executemany("INSERT INTO customers VALUES (?, ?)", [*rows, ("nobody", "vip")])
    connection.close()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(database)}))
    summary = run("from_sql").summary
    assert (summary["rows"], summary["applied"]) == (7, 7)
    assert len(sandbox.customers()) == 7


def test_a_dry_run_sends_nothing(run: Run, sandbox: bk.Sandbox) -> None:
    summary = run("only_planned").summary
    assert (summary["rows"], summary["customers"], summary["requests"], summary["rejected"]) == (21, 20, 20, 1)
    assert sandbox.requests() == []


def test_too_many_rejects_fail_before_anything_is_sent(run: Run, sandbox: bk.Sandbox, tmp_path: Path) -> None:
    result = run("strict")
    assert result.state == "failed"
    assert sandbox.requests() == []
    assert (tmp_path / "rejects.csv").exists()
    assert result.xcoms["rejects"] == str(tmp_path / "rejects.csv")


def test_a_refusal_of_the_server_fails_at_the_end(run: Run, sandbox: bk.Sandbox, tmp_path: Path) -> None:
    sandbox.add_fault(
        {
            "when": {"email": "user3@example.com"},
            "effect": {"status": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"}},
        }
    )
    (tmp_path / "customers.csv").write_text(
        "email,segment\n" + "".join(f"user{number}@example.com,vip\n" for number in range(10)), encoding="utf-8"
    )
    result = run("strict")
    assert result.state == "failed"
    assert (result.summary["applied"], result.summary["rejected"]) == (9, 1)
    assert "user3@example.com" in (tmp_path / "rejects.csv").read_text(encoding="utf-8")


@pytest.fixture
def small_quota(connect: Any) -> Iterator[bk.Sandbox]:
    """A server that allows eight requests in three seconds."""
    with bk.Sandbox(quota={"model": "fixed_block", "limit": 8, "block_seconds": 3.0}) as server:
        connect(server, quota="8/3s")
        yield server


@pytest.mark.parametrize("deferrable", [True, False])
def test_waits_for_quota_leave_the_worker_free(
    run: Run, small_quota: bk.Sandbox, monkeypatch: pytest.MonkeyPatch, *, deferrable: bool
) -> None:
    monkeypatch.setenv("TEST_DEFER_FROM", "1")
    monkeypatch.setenv("TEST_DEFERRABLE", str(int(deferrable)))
    result = run("from_file")
    assert result.state == "success"
    summary = result.summary
    sent = [request["customer"] for request in small_quota.requests() if request["status"] == 200]
    assert sorted(sent) == sorted(f"user{number}@example.com" for number in range(20))
    if deferrable:
        assert (summary["applied"], summary["skipped"], summary["rejected"]) == (20, 0, 1)
        assert summary["legs"] >= 3
        assert summary["requests"] == len(small_quota.requests())
    else:
        # A task that is rescheduled begins anew: only the ledger knows what was before.
        assert summary["applied"] + summary["skipped"] == 20


def test_a_refusal_in_an_early_leg_fails_at_the_end(
    run: Run, small_quota: bk.Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_quota.add_fault(
        {
            "when": {"email": "user3@example.com"},
            "effect": {"status": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"}},
        }
    )
    monkeypatch.setenv("TEST_DEFER_FROM", "1")
    lines = "".join(f"user{number}@example.com,vip\n" for number in range(20))
    (tmp_path / "customers.csv").write_text("email,segment\n" + lines, encoding="utf-8")
    for requests in (20, 0):
        result = run("strict")
        assert result.state == "failed"
        assert (result.summary["rejected"], result.summary["requests"]) == (1, requests)
    assert len(small_quota.customers()) == 19


def test_to_send_everything_again_ends(run: Run, small_quota: bk.Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: Any = {"status": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"}}
    for number in range(10):
        small_quota.add_fault({"when": {"email": f"user{number}@example.com"}, "effect": refused})
    monkeypatch.setenv("TEST_DEFER_FROM", "1")
    assert run("from_file").summary["rejected"] == 11
    before = len(small_quota.requests())
    summary = run("again").summary
    assert (summary["applied"], summary["rejected"]) == (10, 11)
    assert summary["legs"] >= 2
    assert len(small_quota.requests()) - before == summary["requests"] == 20


def test_short_waits_hold_the_worker(run: Run, small_quota: bk.Sandbox) -> None:
    summary = run("from_file").summary
    assert (summary["applied"], summary["legs"]) == (20, 1)
    assert len(small_quota.customers()) == 20


def test_a_wrong_key_fails_for_good(run: Run, sandbox: bk.Sandbox) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 404, "code": "PUBLIC_API_KEY_DOES_NOT_EXIST"}}})
    assert run("from_file").state == "failed"
