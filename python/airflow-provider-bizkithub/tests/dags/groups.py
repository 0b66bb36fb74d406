"""Tasks of every kind. What they read, where their ledger is and how they defer, the environment says."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_bizkithub.operator import BizKitHubAddGroupsOperator

try:
    from airflow.sdk import dag, task
except ImportError:
    from airflow.decorators import dag, task

START = datetime(2026, 1, 1)
FOLDER = os.environ.get("TEST_FOLDER", "/nowhere")
COMMON: dict[str, Any] = {
    "task_id": "add_groups",
    "email_column": "email",
    "groups_column": "segment",
    "ledger": f"{FOLDER}/groups.ledger",
    "defer_from": timedelta(seconds=float(os.environ.get("TEST_DEFER_FROM", "60"))),
    "deferrable": os.environ.get("TEST_DEFERRABLE", "1") == "1",
}
ROWS = [{"email": f"user{number}@example.com", "segment": ["vip", "news"]} for number in range(5)]


@dag(schedule=None, start_date=START)
def from_file() -> None:
    BizKitHubAddGroupsOperator(
        source=f"{FOLDER}/{{{{ dag_run.conf.get('file', 'customers.csv') }}}}",
        rejects=f"{FOLDER}/rejects/{{{{ run_id | replace(':', '_') }}}}.csv",
        on_rejects="warn",
        **COMMON,
    )


@dag(schedule=None, start_date=START)
def from_xcom() -> None:
    @task
    def extract() -> list[dict[str, Any]]:
        return [*ROWS, {"email": "nobody", "segment": "vip"}]

    BizKitHubAddGroupsOperator(source=extract(), rejects=f"{FOLDER}/rejects.csv", rejects_allowed=0.5, **COMMON)


@dag(schedule=None, start_date=START)
def from_callable() -> None:
    def customers(dag_run: Any) -> list[dict[str, Any]]:
        return ROWS if dag_run else []

    BizKitHubAddGroupsOperator(python_callable=customers, **COMMON)


@dag(schedule=None, start_date=START)
def from_sql() -> None:
    BizKitHubAddGroupsOperator(
        sql="SELECT address AS email, segment FROM customers WHERE segment LIKE '%v%' AND address <> ?",
        sql_conn_id="warehouse",
        sql_parameters=["{{ 'nobody' }}"],
        **COMMON,
    )


@dag(schedule=None, start_date=START)
def decorated() -> None:
    @task.bizkithub(**COMMON)
    def add_groups(count: int, run_id: str | None = None) -> list[dict[str, Any]]:
        return ROWS[:count] if run_id else []

    add_groups(3)


@dag(schedule=None, start_date=START)
def only_planned() -> None:
    BizKitHubAddGroupsOperator(source=f"{FOLDER}/customers.csv", dry_run=True, **COMMON)


@dag(schedule=None, start_date=START)
def again() -> None:
    BizKitHubAddGroupsOperator(
        source=f"{FOLDER}/customers.csv", on_rejects="warn", resend=True, retry_rejected=True, **COMMON
    )


@dag(schedule=None, start_date=START)
def strict() -> None:
    BizKitHubAddGroupsOperator(source=f"{FOLDER}/customers.csv", rejects=f"{FOLDER}/rejects.csv", **COMMON)


from_file()
from_xcom()
from_callable()
from_sql()
decorated()
only_planned()
strict()
again()
