"""The interpreter exits cleanly and by itself, whatever is in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BEGIN = """
    import asyncio, threading
    import bizkithub as bk
    sandbox = bk.Sandbox()
    client = sandbox.client(timeout=600, deadline=None)
    held = {"email": "held@example.com", "groups": ["vip"]}
    sandbox.add_fault({"when": {"email": "held@example.com"}, "effect": "never_answer"})
"""

PROGRAMS = {
    "a call in a daemon thread": """
        threading.Thread(target=client.add_groups, kwargs=held, daemon=True).start()
        sandbox.wait_for_request(fault="never_answer")
    """,
    "a run in a daemon thread": """
        rows = [{"email": "held@example.com"}]
        plan = client.plan(rows, email="email", constant_groups=["vip"])
        threading.Thread(target=plan.run, kwargs={"progress": print}, daemon=True).start()
        sandbox.wait_for_request(fault="never_answer")
    """,
    "daemon threads that call without a pause": """
        def call():
            while True:
                client.add_groups(email="jan@barasek.com", groups=["vip"])
        for _ in range(8):
            threading.Thread(target=call, daemon=True).start()
        sandbox.wait_for_request(sequence=100)
    """,
    "an event loop that is left alone": """
        async def main():
            global task
            task = asyncio.create_task(sandbox.async_client().add_groups(**held))
            await asyncio.to_thread(sandbox.wait_for_request, fault="never_answer")
        import logging
        logging.disable()  # asyncio itself tells that the task is destroyed
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
    """,
    "an event loop that is closed": """
        async def main():
            global task
            task = asyncio.create_task(sandbox.async_client().add_groups(**held))
            await asyncio.to_thread(sandbox.wait_for_request, fault="never_answer")
        import logging
        logging.disable()  # asyncio itself tells that the task is destroyed
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.close()
        # The answer comes to a loop that is no more.
        sandbox.stop()
    """,
    "a task that asyncio.run cancels": """
        async def main():
            asyncio.create_task(sandbox.async_client().add_groups(**held))
            await asyncio.to_thread(sandbox.wait_for_request, fault="never_answer")
        asyncio.run(main())
        sandbox.wait_for_request(fault="never_answer", closed_by_client=True)
    """,
    "an event loop in a daemon thread": """
        async def main():
            async with sandbox.async_client() as client:
                await asyncio.gather(*(client.add_groups(**held) for _ in range(8)))
        threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
        sandbox.wait_for_request(sequence=8)
    """,
    "a call of an exit handler": """
        import atexit
        atexit.register(lambda: client.add_groups(email="jan@barasek.com", groups=["vip"]))
        atexit.register(lambda: asyncio.run(sandbox.async_client().ping()))
    """,
    "a client that nobody closed": """
        client.ping()
        asyncio.run(sandbox.async_client().ping())
    """,
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_the_interpreter_exits(check_python: Callable[[str], str], case: str) -> None:
    import textwrap

    for _ in range(3):
        check_python(textwrap.dedent(BEGIN) + textwrap.dedent(PROGRAMS[case]))
