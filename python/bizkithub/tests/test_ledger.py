from __future__ import annotations

import asyncio
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

import bizkithub as bk

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [{"email": f"{number}@example.com", "group": "VIP"} for number in range(20)]


def plan(client: bk.Client, **settings: Any) -> bk.Plan:
    return client.plan(ROWS, email="email", groups="group", **settings)


def test_what_any_client_got_acknowledged_is_not_sent_again(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    ledger = tmp_path / "groups.ledger"
    with sandbox.client(ledger=ledger) as client:
        assert plan(client).run().applied == 20
    with sandbox.client(ledger=ledger) as client:
        again = plan(client)
        assert (again.bill.requests, again.bill.skipped, again.bill.groups[0].is_new) == (0, 20, False)
        assert again.run().skipped == 20
        assert len(sandbox.requests()) == 20
        assert plan(client, resend=True).run().applied == 20
        assert plan(client, resend_after=3600).bill.requests == 0

    async def main() -> None:
        async with sandbox.async_client(ledger=ledger) as client:
            report = await (await client.plan(ROWS, email="email", groups="group")).run()
            assert report.skipped == 20

    asyncio.run(main())
    assert len(sandbox.requests()) == 40


def test_a_refusal_is_remembered_until_it_is_to_be_tried_again(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    status: Any = {"status": 404, "code": "INTERNAL_RESOURCE_NOT_FOUND"}
    sandbox.add_fault({"when": {"email": "7@example.com"}, "effect": {"status": status}})
    with sandbox.client(ledger=tmp_path / "groups.ledger") as client:
        assert plan(client).run().rejected == 1
        report = plan(client).run()
        assert (report.rejected, report.rejected_by_code) == (1, {"INTERNAL_RESOURCE_NOT_FOUND": 1})
        error = report.outcomes[7].error
        assert error is not None
        assert "refused earlier, at" in error.message
        sandbox.clear_faults()
        assert plan(client, retry_rejected=True).run().applied == 1


def test_a_ledger_that_cannot_be_used_says_why(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    with sandbox.client(ledger=tmp_path) as client, pytest.raises(bk.LedgerError, match="ledger_unusable"):
        plan(client)
    with pytest.raises(bk.InvalidInputError, match="ledger_location_invalid"):
        sandbox.client(ledger="mysql://somewhere")
    location = "postgresql://me:secret@127.0.0.1:1/db?sslmode=disable"
    with sandbox.client(ledger=location) as client, pytest.raises(bk.LedgerError) as raised:
        plan(client)
    assert "secret" not in repr(raised.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_opens_the_ledger_for_itself(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    with sandbox.client(ledger=tmp_path / "groups.ledger") as client:
        mine = plan(client)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                try:
                    mine.run()
                except bk.LedgerError as error:
                    code = 2 if error.code != "ledger_forked" else 0
                else:
                    code = 0 if mine.last_report.stopped_by.code == "ledger_forked" else 3  # type: ignore[union-attr]
                if code == 0 and plan(client).run().applied != 20:
                    code = 4
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert mine.run().skipped == 20


def test_the_quota_is_obeyed_before_it_is_used_up(tmp_path: Path) -> None:
    quota: Any = {"model": "sliding_window", "limit": 1000, "window_seconds": 3600}
    with bk.Sandbox(quota=quota) as sandbox, sandbox.client() as client:
        seen: list[bk.Progress] = []
        report = plan(client).run(pace="fast", reserve=0.5, progress=seen.append)
        assert (report.applied, report.throttled) == (20, 0)
        assert seen[-1].quota_left is not None
        assert report.timeline[-1].requests_sent == 20
        assert report.timeline[-1].quota_left == 980
        assert report.write_outcomes(tmp_path / "outcomes.csv") == 20
        assert (tmp_path / "outcomes.csv").read_text("utf-8").splitlines()[1] == "1,applied,,,"
        with pytest.raises(bk.InvalidInputError, match="reserve"):
            plan(client).run(reserve=2)


def test_a_leg_ends_in_time(sandbox: bk.Sandbox) -> None:
    sandbox.add_fault({"effect": {"latency_seconds": 0.05}})
    with sandbox.client() as client:
        mine = plan(client)
        leg = mine.run(concurrency=1, burst=0.3)
        assert leg.applied > 0
        assert leg.pending > 0
        assert leg.resume_at is not None
        assert mine.run(deadline=60).is_complete is False or mine.run().skipped == 20


def test_what_a_job_got_answered_itself_is_not_sent_again(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    refused: Any = {"status": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"}}
    sandbox.add_fault({"when": {"email": "b@example.com"}, "effect": refused})
    rows = [{"email": "a@example.com"}, {"email": "b@example.com"}]
    begun_at = datetime.now(timezone.utc)
    again: dict[str, Any] = {"email": "email", "constant_groups": ["vip"], "resend": True, "retry_rejected": True}
    with sandbox.client(ledger=tmp_path / "groups.ledger") as client:
        client.plan(rows, **again, begun_at=begun_at).run()
        leg = client.plan(rows, **again, begun_at=begun_at)
        assert (leg.bill.skipped, leg.bill.rejected, leg.bill.requests) == (1, 1, 0)
        job = client.plan(rows, **again, begun_at=datetime.now(timezone.utc))
        assert (job.bill.skipped, job.bill.rejected, job.bill.requests) == (0, 0, 2)
