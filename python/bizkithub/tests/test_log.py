"""The logger `bizkithub` tells what calls and runs do, on the caller's thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

import bizkithub as bk

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = [{"email": f"user{number}@example.com"} for number in range(20)] + [{"email": "nobody"}]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    assert {record.thread for record in caplog.records} <= {threading.get_ident()}
    return caplog.record_tuples


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)["bizkithub"] for record in caplog.records]


def test_the_course_of_a_run_is_logged(client: bk.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bizkithub")
    client.plan(ROWS, email="email", constant_groups=["vip"]).run()
    [(begin_name, begin_level, begin), (_, end_level, end)] = told(caplog)
    assert (begin_name, begin_level, end_level) == ("bizkithub", logging.INFO, logging.WARNING)
    assert begin.startswith("sending 20 requests for 21 rows of 20 customers")
    assert "20 rows applied, 0 skipped, 1 rejected (1 email_invalid)" in end


def test_an_awaited_run_logs_on_the_thread_of_its_loop(sandbox: bk.Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 503}}, "at_most": 1})

    async def main() -> None:
        async with sandbox.async_client() as client:
            await (await client.plan(ROWS, email="email", constant_groups=["vip"])).run()

    caplog.set_level(logging.DEBUG, "bizkithub")
    asyncio.run(main())
    names = [event["name"] for event in events(caplog)]
    assert names.count("request") == 21
    levels = [level for (_, level, _), name in zip(told(caplog), names, strict=True) if name != "request"]
    assert levels == [logging.INFO, logging.DEBUG, logging.WARNING]
    caplog.clear()
    caplog.set_level(logging.ERROR, "bizkithub")
    asyncio.run(main())
    assert told(caplog) == []


def test_each_record_has_its_event(client: bk.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bizkithub")
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    client.plan(ROWS, email="email", constant_groups=["vip"]).run()
    begin, end = events(caplog)
    assert (begin["name"], end["name"]) == ("run.started", "run.ended")
    assert begin["run"] == end["run"]
    assert before < begin["at"] <= end["at"]
    assert begin["fields"] == {"rows": 21, "customers": 20, "requests": 20, "skipped": 0, "rejected": 1}
    fields = end["fields"]
    assert (fields["applied"], fields["requests"], fields["is_complete"], fields["resume_at"]) == (20, 20, False, None)


@pytest.mark.parametrize("is_async", [False, True])
def test_each_request_of_a_call_is_logged(
    sandbox: bk.Sandbox, caplog: pytest.LogCaptureFixture, *, is_async: bool
) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 503}}, "at_most": 1})

    async def call() -> None:
        async with sandbox.async_client() as client:
            await client.add_groups(email="jan@barasek.com", groups=["vip"])
            await client.ping()

    caplog.set_level(logging.DEBUG, "bizkithub")
    if is_async:
        asyncio.run(call())
    else:
        with sandbox.client() as client:
            client.add_groups(email="jan@barasek.com", groups=["vip"])
            client.ping()
    told(caplog)
    assert [event["name"] for event in events(caplog)] == ["request", "request.retried", "request", "request"]
    first, _, second, ping = (event["fields"] for event in events(caplog))
    assert (first["status"], first["error_type"], first["attempt"]) == (503, "server", 1)
    assert (second["status"], second["error_type"], second["attempt"]) == (200, None, 2)
    assert (ping["method"], ping["route"]) == ("GET", "/ping/v1")
    assert "jan@barasek.com" not in caplog.text
    caplog.clear()
    caplog.set_level(logging.INFO, "bizkithub")
    asyncio.run(call())
    assert told(caplog) == []


def test_a_call_that_fails_is_logged_too(sandbox: bk.Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 404, "code": "PUBLIC_API_KEY_HAS_BEEN_DELETED"}}})
    caplog.set_level(logging.DEBUG, "bizkithub")
    with pytest.raises(bk.ApiKeyError):
        sandbox.client().ping()
    assert events(caplog)[0]["fields"]["error_type"] == "PUBLIC_API_KEY_HAS_BEEN_DELETED"
    assert sandbox.api_key not in caplog.text + str(events(caplog))


def test_no_record_shows_the_key(sandbox: bk.Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 404, "code": "PUBLIC_API_KEY_HAS_BEEN_DELETED"}}})
    caplog.set_level(logging.DEBUG, "bizkithub")
    sandbox.client().plan(ROWS, email="email", constant_groups=["vip"]).run()
    assert "PUBLIC_API_KEY_HAS_BEEN_DELETED" in caplog.text
    assert sandbox.api_key not in caplog.text + str(events(caplog))


def test_an_exception_of_a_handler_stops_the_run(client: bk.Client, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(logging.Filter):
        @override
        def filter(self, record: logging.LogRecord) -> bool:
            raise RuntimeError(record.getMessage())

    caplog.set_level(logging.INFO, "bizkithub")
    logger, broken = logging.getLogger("bizkithub"), Broken()
    logger.addFilter(broken)
    plan = client.plan(ROWS, email="email", constant_groups=["vip"])
    try:
        with pytest.raises(RuntimeError, match="sending 20 requests"):
            plan.run()
    finally:
        logger.removeFilter(broken)
    assert plan.last_report is not None
    assert plan.last_report.is_cancelled


def test_who_has_set_up_no_logging_sees_nothing(check_python: Callable[[str], str]) -> None:
    printed = check_python(
        """
        import logging
        import bizkithub as bk
        with bk.Sandbox() as sandbox:
            report = sandbox.client().plan([{"email": "nobody"}], email="email", constant_groups=["vip"]).run()
            print(report.rejected)
        """
    )
    assert printed == "1\n"
