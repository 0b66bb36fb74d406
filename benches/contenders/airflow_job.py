"""The job in Airflow, with its home in the folder.

    airflow_job.py BizKitHubAddGroupsOperator|HttpHook|HttpOperator FILE URL KEY FOLDER

Run by `dag.test()`, which needs no scheduler: the least that Airflow takes for it.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

kind, path, url, key, folder = sys.argv[1:]
home = Path(folder, "airflow")
dags = Path(__file__).with_name("airflow_dags")
os.environ |= {
    "AIRFLOW_HOME": str(home),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "AIRFLOW_CONN_BIZKITHUB_DEFAULT": json.dumps(
        {"conn_type": "bizkithub", "host": url, "password": key, "extra": {"quota": "1000000000/h"}}
    ),
    "AIRFLOW_CONN_SERVER": json.dumps({"conn_type": "http", "host": url}),
    "JOB_KIND": kind,
    "JOB_PATH": path,
    "JOB_KEY": key,
    "JOB_FOLDER": folder,
}
if not home.exists():
    command = [Path(sys.executable).with_name("airflow"), "db", "migrate"]
    subprocess.run(command, check=True, capture_output=True)
if os.environ.get("BIZKITHUB_BENCH_STEP") == "prepare":
    sys.exit()

# Airflow reads its environment when it is imported.
from airflow.models import DagBag  # noqa: E402

run = DagBag(str(dags)).dags["job"].test()
if kind == "HttpOperator":
    refused = sum(str(instance.state) == "failed" for instance in run.get_task_instances())
elif kind == "HttpHook":
    refused = int(Path(folder, "refused.txt").read_text("ascii"))
else:
    with Path(folder, "rejects.csv").open(newline="", encoding="utf-8") as file:
        refused = sum(1 for _ in csv.DictReader(file))
# What Airflow logs is on this output too.
print(f"\n{json.dumps({'refused': refused})}")
