"""The job with bizkithub: `python_job.py FILE URL KEY FOLDER`, with its ledger in the folder."""

import json
import sys

import bizkithub

path, url, key, folder = sys.argv[1:]
with bizkithub.Client(key, base_url=url, ledger=f"{folder}/python.ledger", quota="1000000000/h") as client:
    report = client.plan(path, email="email", groups="segment").run(concurrency=32, pace="fast")
print(json.dumps({"refused": report.rejected}))
