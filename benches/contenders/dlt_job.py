"""The job with dlt and a custom destination: `dlt_job.py FILE URL KEY FOLDER`, with the pipeline in the folder.

Rows arrive in pages, are written to files of 2,000, and every file is a load job, of which dlt runs 20 at a time by
threads; the function gets 100 rows at a time and sends one after the other, because a request takes one customer.
What the server refuses is counted; what failed raises, so that dlt tries the hundred again.
"""

import csv
import json
import os
import sys
from itertools import islice
from pathlib import Path

os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "2000"}

import dlt
from dlt.sources.helpers import requests

path, url, key, folder = sys.argv[1:]
ADDRESS = f"{url}/api/v1/customer/add-groups?apiKey={key}"
refusals = Path(folder, "refused.txt")


@dlt.resource(name="customers")  # type: ignore[untyped-decorator]
def customers():  # noqa: ANN201
    """Read the rows."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        while page := list(islice(rows, 1_000)):
            yield page


@dlt.destination(batch_size=100, name="add_groups")  # type: ignore[untyped-decorator]
def add_groups(items, table) -> None:  # noqa: ANN001, ARG001
    """Send some rows."""
    for row in items:
        body = {"email": row["email"], "groups": [row["segment"]]}
        try:
            requests.post(ADDRESS, json=body)
        except requests.HTTPError as error:
            if error.response.status_code >= 500:  # noqa: PLR2004
                raise
            with refusals.open("a") as file:
                file.write(f"{row['email']}\n")


pipeline = dlt.pipeline("tags", destination=add_groups, pipelines_dir=f"{folder}/dlt")
pipeline.run(customers())
print(json.dumps({"refused": len(refusals.read_text("utf-8").splitlines())}))
