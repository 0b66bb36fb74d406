"""The logger `bizkithub` tells the course of a run, on the caller's thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

    import bizkithub as bk

ROWS = [{"email": f"user{number}@example.com"} for number in range(20)] + [{"email": "nobody"}]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    assert {record.thread for record in caplog.records} <= {threading.get_ident()}
    return caplog.record_tuples


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
    levels = [level for _, level, _ in told(caplog)]
    assert levels == [logging.INFO, logging.DEBUG, logging.WARNING]
    caplog.clear()
    caplog.set_level(logging.ERROR, "bizkithub")
    asyncio.run(main())
    assert told(caplog) == []


def test_no_record_shows_the_key(sandbox: bk.Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 404, "code": "PUBLIC_API_KEY_HAS_BEEN_DELETED"}}})
    caplog.set_level(logging.DEBUG, "bizkithub")
    sandbox.client().plan(ROWS, email="email", constant_groups=["vip"]).run()
    assert "PUBLIC_API_KEY_HAS_BEEN_DELETED" in caplog.text
    assert sandbox.api_key not in caplog.text


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
