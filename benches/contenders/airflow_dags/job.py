"""The job as a DAG, by our operator or by HttpOperator mapped over the rows; `airflow_job.py` says which."""

import csv
import json
import os
from datetime import datetime, timezone
from pathlib import Path

from airflow.sdk import DAG

kind, path, key, folder = (os.environ[f"JOB_{name}"] for name in ("KIND", "PATH", "KEY", "FOLDER"))

with DAG("job", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)) as dag:
    if kind == "HttpOperator":
        from airflow.providers.http.operators.http import HttpOperator

        with Path(path).open(newline="", encoding="utf-8") as file:
            bodies = [json.dumps({"email": row["email"], "groups": [row["segment"]]}) for row in csv.DictReader(file)]
        HttpOperator.partial(
            task_id="add_groups",
            http_conn_id="server",
            endpoint=f"/api/v1/customer/add-groups?apiKey={key}",
            headers={"Content-Type": "application/json"},
        ).expand(data=bodies)
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
