from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import bizkithub as bk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {"email": "a@example.com", "segment": "vip; Summer sale"},
    {"email": "no address", "segment": "vip"},
    {"email": "A@example.com", "segment": ["wholesale"]},
    {"email": "b@example.com", "segment": ("vip", "VIP")},
    {"email": None, "segment": "vip"},
    {"email": "c@example.com", "segment": float("nan")},
    {"email": 7, "segment": "vip"},
    {"email": "d@example.com", "segment": ["vip", None]},
    {"segment": "vip"},
]
CODES = ["email_invalid", "customer_missing", "groups_missing", "email_invalid", "group_empty", "customer_missing"]


def test_a_plan_merges_customers_and_refuses_rows_and_sends_nothing(sandbox: bk.Sandbox, client: bk.Client) -> None:
    plan = client.plan(ROWS, email="email", groups="segment")
    bill = plan.bill
    assert (bill.rows, bill.customers, bill.requests, bill.rejected) == (9, 2, 2, 6)
    assert bill.rejected_by_code == dict(collections.Counter(CODES))
    assert [(group.slug, group.customers) for group in bill.groups] == [
        ("vip", 2),
        ("summer-sale", 1),
        ("wholesale", 1),
    ]
    assert [error.code for error in plan.refusals] == CODES
    assert [error.row for error in plan.refusals] == [2, 5, 6, 7, 8, 9]
    assert plan.refusals[0].field == "email"
    assert plan.refusals[4].field == "groups"
    assert repr(plan) == "<Plan of 9 rows: 2 requests, 6 rows rejected>"
    assert "summer-sale" in str(bill)
    assert sandbox.requests() == []


def test_a_run_accounts_for_every_row(sandbox: bk.Sandbox, client: bk.Client) -> None:
    plan = client.plan(ROWS, email="email", groups="segment")
    report = plan.run(concurrency=2)
    assert (report.rows, report.applied, report.rejected, report.requests_sent) == (9, 3, 6, 2)
    assert [row.outcome for row in report.outcomes] == ["applied", "rejected", "applied", "applied"] + ["rejected"] * 5
    assert [row.row for row in report.outcomes[-2:]] == [8, 9]
    error = report.outcomes[1].error
    assert isinstance(error, bk.InvalidInputError)
    assert (error.code, error.row) == ("email_invalid", 2)
    assert report.rejected_by_code == dict(collections.Counter(CODES))
    assert not report.is_complete
    assert report.stopped_by is None
    assert report.seconds > 0
    assert report.started_at.tzinfo is not None
    assert sandbox.groups_of(email="a@example.com") == {"vip", "summer-sale", "wholesale"}
    assert plan.last_report is report
    with pytest.raises(IndexError):
        report.outcomes[9]


def test_running_again_sends_nothing_that_is_known(sandbox: bk.Sandbox, client: bk.Client) -> None:
    plan = client.plan(ROWS, email="email", groups="segment")
    plan.run()
    again = plan.run()
    assert (again.skipped, again.applied, again.requests_sent) == (3, 0, 0)
    assert len(sandbox.requests()) == 2


def test_a_wrong_key_stops_the_run_at_once(sandbox: bk.Sandbox) -> None:
    rows = ({"email": f"{number}@example.com"} for number in range(100))
    with bk.Client("DEV_NotRegistered000000000000000", base_url=sandbox.url) as client:
        report = client.plan(rows, email="email", constant_groups=["vip"]).run(concurrency=1)
    assert isinstance(report.stopped_by, bk.ApiKeyError)
    assert (report.pending, report.requests_sent) == (100, 1)
    assert "stopped by PUBLIC_API_KEY_DOES_NOT_EXIST" in repr(report)


def test_a_used_up_quota_can_give_the_time_back() -> None:
    quota: Any = {"model": "sliding_window", "limit": 3, "window_seconds": 3600}
    with bk.Sandbox(quota=quota) as sandbox, sandbox.client() as client:
        rows = [{"email": f"{number}@example.com"} for number in range(5)]
        plan = client.plan(rows, email="email", constant_groups=["vip"])
        report = plan.run(on_quota="stop", pace="fast")
        assert (report.applied, report.pending, report.throttled) == (3, 2, 0)
        assert report.resume_at is not None
        assert report.resume_at > report.started_at
        again = plan.run(on_quota="stop", pace="fast")
        assert (again.skipped, again.pending, again.requests_sent) == (3, 2, 0)
        assert again.resume_at is not None


def test_a_run_whose_first_requests_all_fail_alike_stops(sandbox: bk.Sandbox, client: bk.Client) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 422, "code": "SOMETHING_NEW"}}})
    rows = [{"email": f"{number}@example.com"} for number in range(20)]
    plan = client.plan(rows, email="email", constant_groups=["vip"])
    report = plan.run(concurrency=1, breaker=5)
    assert (report.rejected, report.pending) == (5, 15)
    assert isinstance(report.stopped_by, bk.RejectedError)
    assert "the first 5 requests all failed alike" in str(report.stopped_by)
    assert plan.run(breaker=None).rejected == 20
    with pytest.raises(bk.InvalidInputError, match="breaker"):
        plan.run(breaker=0)


def test_groups_that_are_not_allowed_are_refused(client: bk.Client) -> None:
    plan = client.plan(ROWS[:4], email="email", groups="segment", allow_groups=["VIP", "wholesale"])
    assert [error.code for error in plan.refusals] == ["group_not_allowed", "email_invalid"]


def test_a_csv_file_is_planned_run_and_its_rejects_written(
    sandbox: bk.Sandbox, client: bk.Client, tmp_path: Path
) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("email;segment;note\na@example.com;vip|sale;\nnobody;vip;=1+1\n", encoding="utf-8-sig")
    plan = client.plan(path, email="email", groups="segment", constant_groups=["all"], delimiter=";")
    report = plan.run()
    assert sandbox.groups_of(email="a@example.com") == {"all", "vip", "sale"}
    rejects = tmp_path / "rejects.csv"
    assert report.write_rejects(rejects) == 1
    written = rejects.read_text("utf-8").splitlines()
    assert len(written) == 2
    assert "'=1+1" in written[1]
    assert "email_invalid" in written[1]


def test_rejects_of_rows_in_memory_are_in_the_outcomes(client: bk.Client, tmp_path: Path) -> None:
    report = client.plan([{"email": "nobody"}], email="email", constant_groups=["vip"]).run()
    with pytest.raises(bk.InvalidInputError) as caught:
        report.write_rejects(tmp_path / "rejects.csv")
    assert caught.value.code == "rejects_without_file"


def test_any_mapping_is_a_row_and_an_exception_of_the_iterable_is_the_callers(client: bk.Client) -> None:
    rows = [collections.ChainMap({"email": "a@example.com"}), collections.UserDict(email="b@example.com")]
    assert client.plan(rows, email="email", constant_groups=["vip"]).bill.requests == 2

    def broken() -> Any:
        yield {"email": "a@example.com"}
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        client.plan(broken(), email="email", constant_groups=["vip"])


def test_progress_is_told_on_the_calling_thread_and_ends_with_done(client: bk.Client) -> None:
    seen: list[bk.Progress] = []
    rows = [{"email": f"{number}@example.com"} for number in range(50)]
    client.plan(rows, email="email", constant_groups=["vip"]).run(progress=seen.append)
    assert [snapshot.is_done for snapshot in seen] == [False] * (len(seen) - 1) + [True]
    assert (seen[-1].applied, seen[-1].requests_done, seen[-1].pending) == (50, 50, 0)
    assert all(snapshot.applied + snapshot.pending == 50 for snapshot in seen)


class Mine(Exception):  # noqa: N818 - a caller's own
    pass


def _raise(_: bk.Progress) -> None:
    raise Mine


def test_an_exception_of_progress_stops_the_run_and_is_raised(sandbox: bk.Sandbox, client: bk.Client) -> None:
    sandbox.add_fault({"effect": "never_answer"})
    rows = [{"email": f"{number}@example.com"} for number in range(50)]
    plan = client.plan(rows, email="email", constant_groups=["vip"])
    with pytest.raises(Mine):
        plan.run(concurrency=1, progress=_raise)
    assert plan.last_report is not None
    assert plan.last_report.is_cancelled
    sandbox.clear_faults()
    assert plan.run().applied == 50


def test_asyncio_plans_and_runs(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("email,segment\na@example.com,vip\nnobody,vip\n")

    async def main() -> None:
        seen: list[bk.Progress] = []
        async with sandbox.async_client() as client:
            plan = await client.plan(path, email="email", groups="segment")
            assert plan.bill.requests == 1
            report = await plan.run(progress=seen.append)
            assert (report.applied, report.rejected, seen[-1].is_done) == (1, 1, True)
            assert report.write_rejects(tmp_path / "rejects.csv") == 1
            plan = await client.plan(ROWS, email="email", groups="segment")
            assert (await plan.run()).applied == 3
            assert repr(plan) == "<AsyncPlan of 9 rows: 2 requests, 6 rows rejected>"
            with pytest.raises(Mine):
                await plan.run(progress=_raise)

    asyncio.run(main())


def test_a_cancelled_run_leaves_its_report(sandbox: bk.Sandbox) -> None:
    async def main() -> None:
        async with sandbox.async_client() as client:
            rows = [{"email": f"{number}@example.com"} for number in range(5)]
            plan = await client.plan(rows, email="email", constant_groups=["vip"])
            first = await plan.run()
            assert plan.last_report is first
            again = await client.plan(rows, email="email", constant_groups=["sale"])
            sandbox.add_fault({"effect": "never_answer"})
            run = asyncio.ensure_future(again.run(concurrency=1))
            await asyncio.to_thread(sandbox.wait_for_request, status=None)
            run.cancel("mine")
            with pytest.raises(asyncio.CancelledError):
                await run
            report = again.last_report
            assert report is not None
            assert (report.is_cancelled, report.unknown, report.pending) == (True, 1, 4)
            sandbox.clear_faults()
            assert (await again.run()).applied == 5

    asyncio.run(main())


def test_outcomes_of_a_row_are_equal(client: bk.Client) -> None:
    report = client.plan([{"email": "nobody"}, {"email": "none"}], email="email", constant_groups=["vip"]).run()
    assert report.outcomes[0] == report.outcomes[0]
    assert hash(report.outcomes[0]) == hash(report.outcomes[0])
    assert report.outcomes[0].error != report.outcomes[1].error


class Segment(NamedTuple):
    email: str | None
    segment: list[str]


def test_rows_may_be_tuples_with_names_or_places(client: bk.Client) -> None:
    named = client.plan([Segment("a@example.com", ["vip"]), Segment(None, [])], email="email", groups="segment")
    placed = client.plan([("a@example.com", ["vip"]), [None, []]], email=0, groups=1)
    assert named.bill == placed.bill
    assert (placed.bill.rows, placed.bill.requests, placed.bill.rejected) == (2, 1, 1)
    with pytest.raises(bk.InvalidInputError, match="from 0 to 1") as caught:
        client.plan([("a@example.com", "vip")], email=0, groups=2)
    assert caught.value.code == "column_missing"


def test_an_event_loop_reads_rows_that_arrive_over_time(sandbox: bk.Sandbox) -> None:
    async def rows() -> AsyncIterator[dict[str, str]]:
        for number in range(2_500):
            await asyncio.sleep(0)
            yield {"email": f"user{number % 1_000}@example.com"}

    async def plan(data: Any) -> bk.Bill:
        async with sandbox.async_client() as client:
            return (await client.plan(data, email="email", constant_groups=["vip"])).bill

    bill = asyncio.run(plan(rows()))
    assert (bill.rows, bill.requests) == (2_500, 1_000)
    assert asyncio.run(plan({"email": f"user{number}@example.com"} for number in range(3))).rows == 3
    with pytest.raises(bk.InvalidInputError) as caught:
        asyncio.run(plan(5))
    assert caught.value.code == "rows_expected"


def test_a_wait_that_is_too_long_ends_the_run(sandbox: bk.Sandbox) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 429, "retry_after_seconds": 600}}})
    plan = sandbox.client().plan([{"email": "jan@barasek.com"}], email="email", constant_groups=["vip"])
    report = plan.run(longest_wait=60)
    assert (report.pending, report.throttled) == (1, 1)
    assert report.resume_at is not None
    with pytest.raises(bk.InvalidInputError, match="longest_wait"):
        plan.run(longest_wait=-1)


def test_a_plan_writes_its_rejects_before_anything_is_sent(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    source, rejects = tmp_path / "customers.csv", tmp_path / "rejects.csv"
    source.write_text("email,segment\na@example.com,vip\nnobody,vip\nb@example.com,vip\n", encoding="utf-8")
    sandbox.add_fault(
        {
            "when": {"email": "b@example.com"},
            "effect": {"status": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"}},
        }
    )
    with sandbox.client(ledger=tmp_path / "groups.ledger") as client:
        plan = client.plan(source, email="email", groups="segment")
        assert plan.write_rejects(rejects) == 1
        assert sandbox.requests() == []
        plan.run()
        again = client.plan(source, email="email", groups="segment")
        assert [reason.code for reason in again.reasons] == ["email_invalid", "INTERNAL_RESOURCE_NOT_FOUND"]
        assert again.write_rejects(rejects) == again.bill.rejected == 2
    lines = rejects.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["email", "nobody", "b@example.com"]
    assert lines[1].startswith("nobody,vip,2,invalid_input,email_invalid,")
    in_memory = sandbox.client().plan([{"email": "nobody"}], email="email", constant_groups=["vip"])
    with pytest.raises(bk.InvalidInputError, match="not made from a file"):
        in_memory.write_rejects(rejects)
