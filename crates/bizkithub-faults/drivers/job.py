"""Runs one job with the Python client, as the fault campaign's settings say, and prints the report's counts as JSON.

Everything that the client tells goes to standard error, and every file that a report can write is written.
"""

import json
import logging
import sys
from typing import Any

import bizkithub

settings: dict[str, Any] = json.loads(sys.argv[1])
logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(message)s %(bizkithub)s")
with bizkithub.Client(ledger=settings["ledger"], **settings["client"]) as client:
    plan = client.plan(settings["file"], email="email", groups="groups")
    print(plan.bill, repr(plan), file=sys.stderr)
    for refusal in plan.refusals:
        print(refusal, repr(refusal), file=sys.stderr)
    try:
        report = plan.run(progress=False, **settings["run"])
    except KeyboardInterrupt:
        sys.exit(130)
    report.write_outcomes("outcomes.csv")
    report.write_rejects("rejects.csv")
outcomes = {name: getattr(report, name) for name in ("applied", "skipped", "rejected", "pending", "unknown")}
print(
    json.dumps(
        {
            "rows": report.rows,
            **outcomes,
            "requestsSent": report.requests_sent,
            "retries": report.retries,
            "seconds": report.seconds,
            "resumeAt": report.resume_at and report.resume_at.isoformat(),
            "stoppedBy": report.stopped_by and {"code": report.stopped_by.code, "kind": report.stopped_by.kind},
            "isComplete": report.is_complete,
            "codes": [reason.code for reason in report.reasons],
        }
    )
)
if report.stopped_by:
    print(report.stopped_by, repr(report.stopped_by), report, file=sys.stderr)
