"""The operator in the real Airflow: it leaves the worker to others, and whatever is killed, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bizkithub as bk
import pytest
from stack import Postgres, Stack, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW = 12.0
"""The length of the small quota's window, in seconds."""
LIMIT = 40
LATENCY = 0.05


@pytest.fixture(scope="module")
def small_quota() -> Iterator[bk.Sandbox]:
    with bk.Sandbox(quota={"model": "fixed_block", "limit": LIMIT, "block_seconds": WINDOW}) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def slow_server() -> Iterator[bk.Sandbox]:
    with bk.Sandbox(faults=[{"effect": {"latency_seconds": LATENCY}}]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stack")
    # The database server's own user has to reach its folder.
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def stack(folder: Path, small_quota: bk.Sandbox, slow_server: bk.Sandbox) -> Iterator[Stack]:
    def connection(sandbox: bk.Sandbox, quota: str) -> dict[str, Any]:
        extra = {"quota": quota}
        return {"conn_type": "bizkithub", "host": sandbox.url, "password": sandbox.api_key, "extra": extra}

    postgres = Postgres(folder / "postgres")
    warehouse = {"conn_type": "postgres", "host": "127.0.0.1", "port": postgres.port, "login": "postgres"}
    stack = Stack(
        folder,
        {
            "small_quota": connection(small_quota, f"{LIMIT}/{WINDOW:.0f}s"),
            "slow_server": connection(slow_server, "100000/min"),
            "warehouse": {**warehouse, "schema": "postgres"},
        },
    )
    yield stack
    stack.stop()
    postgres.stop()


def write(folder: Path, name: str, customers: int) -> None:
    lines = "".join(f"{name}{number}@example.com\n" for number in range(customers))
    (folder / f"{name}.csv").write_text(f"email\n{lines}nobody\n", encoding="utf-8")


def sent(sandbox: bk.Sandbox, name: str) -> Counter[str]:
    """How often each customer of a file got its groups."""
    customers = [request["customer"] for request in sandbox.requests() if request["status"] == 200]
    return Counter(customer for customer in customers if customer is not None and customer.startswith(name))


def test_a_job_that_waits_leaves_the_worker_to_others(stack: Stack, small_quota: bk.Sandbox, folder: Path) -> None:
    write(folder, "legs", 100)
    run = stack.trigger("in_legs", file="legs.csv")
    run.wait("deferred")
    assert run.links() == {"Rejected rows": f"file://{folder}/legs.csv.rejects.csv"}
    other = stack.trigger("other")
    other.wait("success", name="work")
    assert run.task()["state"] == "deferred", "the other one did not have to wait"
    run.wait("success", "failed")
    summary = run.xcom("return_value")
    assert (summary["applied"], summary["skipped"], summary["rejected"], summary["pending"]) == (100, 0, 1, 0)
    assert summary["legs"] >= 3, "it deferred twice at least"
    assert len(json.dumps(summary)) < 2_000
    assert Counter(f"legs{number}@example.com" for number in range(100)) == sent(small_quota, "legs")


def test_a_task_that_is_killed_in_a_leg_goes_on(stack: Stack, slow_server: bk.Sandbox, folder: Path) -> None:
    write(folder, "killed", 200)
    run = stack.trigger("at_once", file="killed.csv")
    eventually("half of the requests", lambda: len(sent(slow_server, "killed")) >= 100)
    os.kill(run.task()["pid"], signal.SIGKILL)
    run.wait("success", "failed")
    assert run.task()["state"] == "success"
    counts = sent(slow_server, "killed")
    assert set(counts) == {f"killed{number}@example.com" for number in range(200)}
    again = sum(counts.values()) - 200
    print(f"\nsent again after SIGKILL at half of 200 requests: {again}")
    # Four were under way, and the ledger gets the answers of the last tenth of a second together.
    assert again <= 4 * (2 + 0.1 / LATENCY)


def test_a_task_that_is_marked_as_failed_stops_and_can_be_cleared(
    stack: Stack, slow_server: bk.Sandbox, folder: Path
) -> None:
    write(folder, "marked", 400)
    run = stack.trigger("at_once", file="marked.csv")
    eventually("the first requests", lambda: len(sent(slow_server, "marked")) >= 20)
    process = run.task()["pid"]
    run.mark_failed()
    eventually("the end of the process", lambda: not Path(f"/proc/{process}").exists())
    stopped = len(sent(slow_server, "marked"))
    assert stopped < 400
    run.clear()
    run.wait("success")
    counts = sent(slow_server, "marked")
    assert len(counts) == 400
    assert sum(counts.values()) - 400 <= 4, "only what was under way is sent again"
    assert run.xcom("return_value")["skipped"] >= stopped - 4


def test_a_triggerer_that_is_killed_wakes_the_task_when_it_is_back(
    stack: Stack, small_quota: bk.Sandbox, folder: Path
) -> None:
    write(folder, "triggered", 60)
    run = stack.trigger("in_legs", file="triggered.csv")
    run.wait("deferred")
    stack.kill("triggerer")
    stack.start("triggerer")
    run.wait("success", "failed")
    assert run.task()["state"] == "success"
    assert set(sent(small_quota, "triggered").values()) == {1}
    assert len(sent(small_quota, "triggered")) == 60


def test_a_deferred_task_that_is_marked_as_failed_sends_nothing_more(
    stack: Stack, small_quota: bk.Sandbox, folder: Path
) -> None:
    write(folder, "given-up", 60)
    run = stack.trigger("in_legs", file="given-up.csv")
    run.wait("deferred")
    run.mark_failed()
    before = sent(small_quota, "given-up")
    time.sleep(WINDOW + 2)
    assert run.task()["state"] == "failed"
    assert sent(small_quota, "given-up") == before
    run.clear()
    run.wait("success")
    assert set(sent(small_quota, "given-up").values()) == {1}
    assert len(sent(small_quota, "given-up")) == 60


@pytest.mark.usefixtures("stack")
def test_the_key_is_in_no_log(small_quota: bk.Sandbox, slow_server: bk.Sandbox, folder: Path) -> None:
    files = [file for file in folder.rglob("*") if file.is_file() and "postgres" not in file.parts]
    assert files
    for file in files:
        content = file.read_bytes()
        for sandbox in (small_quota, slow_server):
            assert sandbox.api_key.encode() not in content, file
