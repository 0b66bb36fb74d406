"""The job with drt and its REST destination: `drt_job.py FILE URL KEY FOLDER`, with the project in the folder.

The rows are a table of DuckDB, a tenth of which drt holds at a time; refused rows are skipped and counted.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb

path, url, key, folder = sys.argv[1:]
project = Path(folder, "drt")

if not project.exists():
    (project / "syncs").mkdir(parents=True)
    (project / ".drt").mkdir()
    with duckdb.connect(project / "warehouse.duckdb") as warehouse:
        warehouse.execute(f"CREATE TABLE customers AS SELECT * FROM read_csv('{path}', header = true)")  # noqa: S608
    (project / "drt_project.yml").write_text("name: tags\nversion: '0.1'\nprofile: default\n")
    (project / ".drt" / "profiles.yml").write_text(
        f"default:\n  type: duckdb\n  database: {project}/warehouse.duckdb\n"
    )
    (project / "syncs" / "add_groups.yml").write_text(f"""\
name: add_groups
model: ref('customers')
destination:
  type: rest_api
  url: "{url}/api/v1/customer/add-groups?apiKey={key}"
  method: POST
  headers:
    Content-Type: application/json
  body_template: |
    {{"email": "{{{{ row.email }}}}", "groups": ["{{{{ row.segment }}}}"]}}
sync:
  mode: full
  batch_size: 10000
  rate_limit:
    requests_per_second: 0
  on_error: skip
""")

if os.environ.get("BIZKITHUB_BENCH_STEP") == "prepare":
    sys.exit()
environment = os.environ | {"HOME": str(project), "DRT_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"}
command = [Path(sys.executable).with_name("drt"), "run", "--output", "json"]
found = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
report = json.loads(found.stdout[found.stdout.index("{") :])
print(json.dumps({"refused": sum(sync.get("rows_failed", sync.get("failed", 0)) for sync in report["syncs"])}))
