"""Measures what a call of the Python clients costs: CPU of the client process (user + system) per call, and the import.

The sandbox runs in another process on loopback. Other HTTP clients are measured beside ours when they are installed.

    .venv/bin/python benches/python_calls.py [CALLS]
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

AT_ONCE = 32
ROUNDS = 5

SERVER = """
import sys
import bizkithub
with bizkithub.Sandbox(request_log_capacity=0) as sandbox:
    print(sandbox.url, sandbox.api_key, flush=True)
    sys.stdin.read()
"""


@contextmanager
def sandbox() -> Iterator[tuple[str, str]]:
    """Run the sandbox in a process of its own; yields its address and a key."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        url, key = process.stdout.readline().split()
        try:
            yield url, key
        finally:
            process.stdin.close()


def cpu_per_call(calls: int, run: Callable[[int], object]) -> float:
    """Microseconds of CPU per call: the median of some rounds, after one that warms up."""
    run(calls // 10)
    costs = []
    for _ in range(ROUNDS):
        start = time.process_time()
        run(calls)
        costs.append((time.process_time() - start) / calls * 1e6)
    return statistics.median(costs)


def one_at_a_time(call: Callable[[], object]) -> Callable[[int], None]:
    """Make so many calls one after the other."""

    def run(calls: int) -> None:
        for _ in range(calls):
            call()

    return run


async def at_once(calls: int, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Make so many calls, 32 at a time."""
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def ours(url: str, key: str) -> Iterator[tuple[str, Callable[[int], object]]]:
    """Name both clients of this package."""
    import bizkithub

    client = bizkithub.Client(key, base_url=url)
    yield (
        "bizkithub.Client, one at a time",
        one_at_a_time(lambda: client.add_groups(email="jan@barasek.com", groups=["vip"])),
    )

    async def run(calls: int) -> None:
        async with bizkithub.AsyncClient(key, base_url=url) as client:
            await at_once(
                calls,
                lambda: client.add_groups(email="jan@barasek.com", groups=["vip"]),
            )

    yield (
        f"bizkithub.AsyncClient, {AT_ONCE} at a time",
        lambda calls: asyncio.run(run(calls)),
    )


def others(url: str, key: str) -> Iterator[tuple[str, Callable[[int], object]]]:
    """Name what users would pick instead, as far as it is installed."""
    address = f"{url}/api/v1/customer/add-groups?apiKey={key}"
    body = {"email": "jan@barasek.com", "groups": ["vip"]}
    if importlib.util.find_spec("requests"):
        import requests

        session = requests.Session()
        yield (
            "requests, one at a time",
            one_at_a_time(lambda: session.post(address, json=body).json()),
        )
    if importlib.util.find_spec("aiohttp"):
        import aiohttp

        async def run_aiohttp(calls: int) -> None:
            async with aiohttp.ClientSession() as session:

                async def call() -> None:
                    async with session.post(address, json=body) as response:
                        await response.json()

                await at_once(calls, call)

        yield (
            f"aiohttp, {AT_ONCE} at a time",
            lambda calls: asyncio.run(run_aiohttp(calls)),
        )
    if importlib.util.find_spec("httpx"):
        import httpx

        async def run_httpx(calls: int) -> None:
            async with httpx.AsyncClient() as client:
                await at_once(calls, lambda: client.post(address, json=body))

        yield f"httpx, {AT_ONCE} at a time", lambda calls: asyncio.run(run_httpx(calls))


def import_milliseconds() -> float:
    """Time of `import bizkithub` in a fresh interpreter: the median of some."""
    code = "import time; start = time.perf_counter(); import bizkithub; print((time.perf_counter() - start) * 1e3)"
    command = [sys.executable, "-c", code]
    return statistics.median(float(subprocess.check_output(command)) for _ in range(4 * ROUNDS))  # noqa: S603


def main() -> None:
    """Measure and print everything."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    print(f"{'import bizkithub':45} {import_milliseconds():8.1f} ms")
    os.environ.pop("BIZKITHUB_API_KEY", None)
    with sandbox() as (url, key):
        for name, run in (*ours(url, key), *others(url, key)):
            print(f"{name:45} {cpu_per_call(calls, run):8.1f} µs of CPU per call")


if __name__ == "__main__":
    main()
