"""Calls as a Python program makes them: each client in the way that its documentation shows.

    python_calls.py CLIENT URL KEY AT_ONCE SECONDS CERTIFICATE

Warms up, prints `begin`, calls for so many seconds, prints `end` with the number of calls and the seconds, and waits
until its input ends. All build the body of every call anew, and read the answer as JSON. Clients that wait call from
threads.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CLIENT, URL, KEY, AT_ONCE, SECONDS, CERTIFICATE = (*sys.argv[1:7], "")[:6]
ADDRESS = f"{URL}/api/v1/customer/add-groups?apiKey={KEY}"
ca_file = CERTIFICATE or None
at_once, seconds = int(AT_ONCE), float(SECONDS)
numbers = count(1)


def email() -> str:
    """Name another customer."""
    return f"customer-{next(numbers)}@example.com"


def body() -> dict[str, Any]:
    """Make a request of one customer."""
    return {"email": email(), "groups": ["vip"]}


def check(answer: Any) -> None:
    """Believe the answer, not the status."""
    if answer["success"] is not True:
        raise ValueError(answer)


def measure(call_for: Callable[[float], float]) -> None:
    """Warm up, call, and say when."""
    call_for(seconds / 5)
    print("begin", flush=True)
    start = time.perf_counter()
    calls = call_for(seconds)
    print("end", calls, time.perf_counter() - start, flush=True)
    sys.stdin.read()


def blocking(call: Callable[[], None]) -> None:
    """Call from so many threads, or from this one."""

    def call_for(seconds: float) -> int:
        calls = [0] * at_once
        until = time.perf_counter() + seconds

        def work(place: int) -> None:
            while time.perf_counter() < until:
                call()
                calls[place] += 1

        if at_once == 1:
            work(0)
        else:
            threads = [threading.Thread(target=work, args=[place]) for place in range(at_once)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return sum(calls)

    measure(call_for)


def concurrent(connect: Callable[[], Any], call: Callable[[Any], Awaitable[None]]) -> None:
    """Call from so many tasks of one event loop, through one client."""
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(enter(connect))

    async def work(until: float) -> int:
        calls = 0
        while time.perf_counter() < until:
            await call(client)
            calls += 1
        return calls

    async def at_once_for(seconds: float) -> int:
        until = time.perf_counter() + seconds
        return sum(await asyncio.gather(*(work(until) for _ in range(at_once))))

    measure(lambda seconds: loop.run_until_complete(at_once_for(seconds)))
    loop.run_until_complete(leave(client))


async def enter(connect: Callable[[], Any]) -> Any:
    """Make a client inside the loop."""
    return await connect().__aenter__()


async def leave(client: Any) -> None:
    """Close a client inside the loop."""
    await client.__aexit__(None, None, None)


def bizkithub_client() -> None:
    """Ours, waiting."""
    import bizkithub

    client = bizkithub.Client(KEY, base_url=URL, ca_file=ca_file)
    blocking(lambda: client.add_groups(email=email(), groups=["vip"]))


def bizkithub_async_client() -> None:
    """Ours, for asyncio."""
    import bizkithub

    concurrent(
        lambda: bizkithub.AsyncClient(KEY, base_url=URL, ca_file=ca_file),
        lambda client: client.add_groups(email=email(), groups=["vip"]),
    )


def requests() -> None:
    """Call by requests, whose pool holds as many connections as there are threads."""
    import requests

    session = requests.Session()
    session.mount(URL, requests.adapters.HTTPAdapter(pool_maxsize=at_once))
    session.verify = ca_file or True
    blocking(lambda: check(session.post(ADDRESS, json=body()).json()))


def httpx() -> None:
    """httpx: its client that waits for one call at a time, the other for more."""
    import httpx

    settings: dict[str, Any] = {
        "verify": ssl.create_default_context(cafile=ca_file) if ca_file else False,
        "http2": URL.startswith("https"),
        "limits": httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
    }
    if at_once == 1:
        client = httpx.Client(**settings)
        blocking(lambda: check(client.post(ADDRESS, json=body()).json()))
        return

    async def call(client: httpx.AsyncClient) -> None:
        check((await client.post(ADDRESS, json=body())).json())

    concurrent(lambda: httpx.AsyncClient(**settings), call)


def aiohttp() -> None:
    """Aiohttp."""
    import aiohttp

    def connect() -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=ca_file) if ca_file else True
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once, ssl=context))

    async def call(session: aiohttp.ClientSession) -> None:
        async with session.post(ADDRESS, json=body()) as response:
            check(await response.json())

    concurrent(connect, call)


def niquests() -> None:
    """niquests: its session that waits for one call at a time, the other for more."""
    import niquests

    settings: dict[str, Any] = {"pool_maxsize": at_once, "disable_http3": True}
    if at_once == 1:
        session = niquests.Session(**settings)
        session.verify = ca_file or True
        blocking(lambda: check(session.post(ADDRESS, json=body()).json()))
        return

    def connect() -> niquests.AsyncSession:
        session = niquests.AsyncSession(**settings)
        session.verify = ca_file or True
        return session

    async def call(session: niquests.AsyncSession) -> None:
        check((await session.post(ADDRESS, json=body())).json())

    concurrent(connect, call)


def pyreqwest() -> None:
    """pyreqwest: its client that waits for one call at a time, the other for more."""
    from pathlib import Path

    from pyreqwest.client import ClientBuilder, SyncClientBuilder

    def builder(kind: Any) -> Any:
        made = kind().http2(URL.startswith("https"))
        return made.add_root_certificate_pem(Path(ca_file).read_bytes()) if ca_file else made

    if at_once == 1:
        client = builder(SyncClientBuilder).build()
        blocking(lambda: check(client.post(ADDRESS).body_json(body()).build().send().json()))
        return

    async def call(client: Any) -> None:
        response = await client.post(ADDRESS).body_json(body()).build().send()
        check(await response.json())

    concurrent(lambda: builder(ClientBuilder).build(), call)


def primp() -> None:
    """primp: its client that waits for one call at a time, the other for more."""
    import primp

    settings: dict[str, Any] = {"ca_cert_file": ca_file}
    if at_once == 1:
        client = primp.Client(**settings)
        blocking(lambda: check(client.post(ADDRESS, json=body()).json()))
        return

    async def call(client: primp.AsyncClient) -> None:
        check((await client.post(ADDRESS, json=body())).json())

    concurrent(lambda: primp.AsyncClient(**settings), call)


CLIENTS = {
    "bizkithub.Client": bizkithub_client,
    "bizkithub.AsyncClient": bizkithub_async_client,
    "requests": requests,
    "httpx": httpx,
    "aiohttp": aiohttp,
    "niquests": niquests,
    "pyreqwest": pyreqwest,
    "primp": primp,
}

if __name__ == "__main__":
    CLIENTS[CLIENT]()
