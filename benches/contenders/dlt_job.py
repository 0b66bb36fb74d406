"""The job with dlt and a custom destination: `dlt_job.py FILE URL KEY FOLDER`, with the pipeline in the folder.

The function gets one row at a time, because a request takes one customer; rows that are one file are one load job.
What the server refuses is counted; what failed raises, so that dlt tries it again.
"""

import csv
import json
import sys
from pathlib import Path

import dlt
from dlt.sources.helpers import requests

path, url, key, folder = sys.argv[1:]
ADDRESS = f"{url}/api/v1/customer/add-groups?apiKey={key}"
refusals = Path(folder, "refused.txt")


@dlt.resource(name="customers")  # type: ignore[untyped-decorator]
def customers():  # noqa: ANN201
    """Read the rows."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


@dlt.destination(batch_size=1, name="add_groups")  # type: ignore[untyped-decorator]
def add_groups(items, table) -> None:  # noqa: ANN001, ARG001
    """Send a row."""
    (row,) = items
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
