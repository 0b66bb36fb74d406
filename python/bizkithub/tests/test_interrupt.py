"""Ctrl-C and cancelled tasks: the caller is free at once, and the request is closed."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    import bizkithub as bk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")

PROGRAM = """
    import sys, time
    import bizkithub as bk
    client = bk.Client({key!r}, base_url={url!r})
    rows = [{{"email": f"{{number}}@example.com"}} for number in range(100)]
    plan = client.plan(rows, email="email", constant_groups=["vip"])
    try:
        {call}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(sys.stdin.readline().strip(), flush=True)
    print(client.ping().attempts, flush=True)
    {after}
"""


def interrupt(sandbox: bk.Sandbox, process: subprocess.Popen[str]) -> str:
    """Waits until the request is in the sandbox's hands, presses Ctrl-C, and waits until the request is closed."""
    assert process.stdin is not None
    assert process.stdout is not None
    sandbox.wait_for_request(fault="never_answer")
    process.send_signal(signal.SIGINT)
    said = process.stdout.readline().strip()
    # The program waits for a line: nothing but the interrupt has closed the request.
    closed = sandbox.wait_for_request(fault="never_answer", closed_by_client=True)
    assert closed["status"] is None
    sandbox.clear_faults()
    printed, complaints = process.communicate("go on\n", timeout=60)
    assert (process.returncode, complaints) == (0, "")
    return said + "\n" + printed


def test_ctrl_c_ends_a_call_and_closes_its_request(
    sandbox: bk.Sandbox, run_python: Callable[[str], subprocess.Popen[str]]
) -> None:
    sandbox.add_fault({"effect": "never_answer"})
    call = 'client.add_groups(email="jan@barasek.com", groups=["vip"])'
    process = run_python(PROGRAM.format(key=sandbox.api_key, url=sandbox.url, call=call, after=""))
    assert interrupt(sandbox, process).split("\n") == ["interrupted", "go on", "1", ""]


def test_ctrl_c_ends_a_run_which_goes_on_when_run_again(
    sandbox: bk.Sandbox, run_python: Callable[[str], subprocess.Popen[str]]
) -> None:
    sandbox.add_fault({"when": {"email": "50@example.com"}, "effect": "never_answer"})
    after = """report = plan.last_report
    print(report.is_cancelled, report.applied >= 1, report.applied + report.unknown + report.pending)
    again = plan.run()
    print(again.is_complete, again.applied + again.skipped, again.skipped == report.applied)
    """
    program = PROGRAM.format(key=sandbox.api_key, url=sandbox.url, call="plan.run(concurrency=1)", after=after)
    lines = interrupt(sandbox, run_python(program)).split("\n")
    assert lines == ["interrupted", "go on", "1", "True True 100", "True 100 True", ""]
    assert len(sandbox.customers()) == 100


def test_an_exception_of_a_signal_handler_ends_a_call(
    sandbox: bk.Sandbox, run_python: Callable[[str], subprocess.Popen[str]]
) -> None:
    sandbox.add_fault({"effect": "never_answer"})
    call = """import signal
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        client.add_groups(email="jan@barasek.com", groups=["vip"])
    """
    process = run_python(PROGRAM.format(key=sandbox.api_key, url=sandbox.url, call=call, after=""))
    assert process.stdout is not None
    sandbox.wait_for_request(fault="never_answer")
    process.send_signal(signal.SIGALRM)
    assert process.stdout.readline() == "interrupted\n"


def test_cancelling_the_task_closes_the_request(sandbox: bk.Sandbox) -> None:
    sandbox.add_fault({"when": {"email": "held@example.com"}, "effect": "never_answer"})

    async def main() -> None:
        async with sandbox.async_client() as client:
            held = asyncio.create_task(client.add_groups(email="held@example.com", groups=["vip"]))
            await asyncio.to_thread(sandbox.wait_for_request, fault="never_answer")
            held.cancel()
            with pytest.raises(asyncio.CancelledError):
                await held
            await asyncio.to_thread(sandbox.wait_for_request, fault="never_answer", closed_by_client=True)
            await client.ping()

    asyncio.run(main())


def test_cancelling_a_run_closes_its_requests(sandbox: bk.Sandbox) -> None:
    sandbox.add_fault({"effect": "never_answer"})

    async def main() -> None:
        async with sandbox.async_client(quota="100000/min") as client:
            # A new group would be introduced by one request alone.
            rows = [{"email": f"{number}@example.com", "group": f"group {number}"} for number in range(100)]
            plan = await client.plan(rows, email="email", groups="group")
            run = asyncio.create_task(plan.run(concurrency=4))
            await asyncio.to_thread(sandbox.wait_for_request, sequence=4, fault="never_answer")
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            for sequence in range(1, 5):
                await asyncio.to_thread(sandbox.wait_for_request, sequence=sequence, closed_by_client=True)
            sandbox.clear_faults()
            assert (await plan.run()).is_complete

    asyncio.run(main())


def test_a_run_can_be_stopped_from_another_thread(sandbox: bk.Sandbox) -> None:
    sandbox.add_fault({"when": {"email": "50@example.com"}, "effect": "never_answer"})
    rows = [{"email": f"{number}@example.com"} for number in range(100)]
    plan = sandbox.client().plan(rows, email="email", constant_groups=["vip"])

    def stop() -> None:
        sandbox.wait_for_request(fault="never_answer")
        plan.cancel()

    stopping = threading.Thread(target=stop)
    stopping.start()
    report = plan.run(concurrency=1)
    stopping.join()
    assert (report.is_cancelled, report.applied, report.unknown, report.pending) == (True, 50, 1, 49)
    plan.cancel()
    sandbox.clear_faults()
    assert plan.run().is_complete, "what stopped a run does not stop the next"


def test_a_signal_handler_that_returns_can_stop_a_run(
    sandbox: bk.Sandbox, run_python: Callable[[str], subprocess.Popen[str]]
) -> None:
    sandbox.add_fault({"when": {"email": "50@example.com"}, "effect": "never_answer"})
    call = """import signal
        signal.signal(signal.SIGTERM, lambda *_: plan.cancel())
        print(plan.run(concurrency=1).is_cancelled, flush=True)
    """
    process = run_python(PROGRAM.format(key=sandbox.api_key, url=sandbox.url, call=call, after=""))
    assert process.stdout is not None
    sandbox.wait_for_request(fault="never_answer")
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "True\n"
