"""The job as a DAG: our operator, a loop over HttpHook, or HttpOperator mapped; `airflow_job.py` says which."""

import csv
import json
import os
from datetime import datetime, timezone
from pathlib import Path

from airflow.sdk import DAG

kind, path, key, folder = (os.environ[f"JOB_{name}"] for name in ("KIND", "PATH", "KEY", "FOLDER"))

ENDPOINT, HEADERS = f"/api/v1/customer/add-groups?apiKey={key}", {"Content-Type": "application/json"}


def bodies() -> list[str]:
    """Make a request of each row."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [json.dumps({"email": row["email"], "groups": [row["segment"]]}) for row in csv.DictReader(file)]


with DAG("job", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)) as dag:
    if kind == "HttpOperator":
        from airflow.providers.http.operators.http import HttpOperator

        HttpOperator.partial(task_id="add_groups", http_conn_id="server", endpoint=ENDPOINT, headers=HEADERS).expand(
            data=bodies()
        )
    elif kind == "HttpHook":
        from airflow.providers.http.hooks.http import HttpHook
        from airflow.sdk import task

        @task
        def add_groups() -> None:
            """Send every row, and count those that are refused."""
            hook, refused = HttpHook(http_conn_id="server"), 0
            for body in bodies():
                response = hook.run(ENDPOINT, data=body, headers=HEADERS, extra_options={"check_response": False})
                refused += not response.ok
            Path(folder, "refused.txt").write_text(str(refused), "ascii")

        add_groups()
    else:
        from airflow_provider_bizkithub.operator import BizKitHubAddGroupsOperator

        BizKitHubAddGroupsOperator(
            task_id="add_groups",
            source=path,
            email_column="email",
            groups_column="segment",
            ledger=f"{folder}/airflow.ledger",
            rejects=f"{folder}/rejects.csv",
            on_rejects="warn",
            rejects_allowed=1.0,
            concurrency=32,
        )
