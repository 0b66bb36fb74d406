"""What the real Airflow runs here: a job that waits for quota, one that is killed, and somebody else's."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import dag, task
from airflow_provider_bizkithub.operator import BizKitHubAddGroupsOperator

START = datetime(2026, 1, 1)
FOLDER = os.environ["TEST_FOLDER"]
COMMON: dict[str, Any] = {
    "task_id": "add_groups",
    "source": f"{FOLDER}/{{{{ dag_run.conf['file'] }}}}",
    "email_column": "email",
    "constant_groups": ["vip"],
    "ledger_conn_id": "warehouse",
    "rejects": f"{FOLDER}/{{{{ dag_run.conf['file'] }}}}.rejects.csv",
    "on_rejects": "warn",
}


@dag(schedule=None, start_date=START)
def in_legs() -> None:
    """A quota that is used up again and again."""
    BizKitHubAddGroupsOperator(
        bizkithub_conn_id="small_quota", ledger_schema="small_quota", defer_from=timedelta(seconds=4), **COMMON
    )


@dag(schedule=None, start_date=START)
def at_once() -> None:
    """A server that is slow enough to be killed meanwhile."""
    BizKitHubAddGroupsOperator(
        bizkithub_conn_id="slow_server",
        ledger_schema="slow_server",
        concurrency=4,
        retries=1,
        retry_delay=timedelta(seconds=1),
        **COMMON,
    )


@dag(schedule=None, start_date=START)
def other() -> None:
    """A task of somebody else, who needs the only worker."""

    @task
    def work() -> str:
        return "done"

    work()


in_legs()
at_once()
other()
