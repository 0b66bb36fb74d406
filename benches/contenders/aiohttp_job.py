"""The job as a loop around aiohttp, with care: `aiohttp_job.py row|customer FILE URL KEY FOLDER`.

A request a row, or one with all groups of a customer; 32 at a time. Waits as the server asks, tries again what failed,
and counts the rows that were refused. Of a customer whose request is refused, each group is tried alone.
"""

import asyncio
import csv
import json
import sys
from collections import Counter
from pathlib import Path

import aiohttp

unit, path, url, key, _ = sys.argv[1:]
ADDRESS = f"{url}/api/v1/customer/add-groups?apiKey={key}"
TRIES = 3


async def send(session: aiohttp.ClientSession, email: str, groups: list[str]) -> bool:
    """Tell whether the customer has the groups now."""
    body = {"email": email, "groups": groups}
    for attempt in range(TRIES):
        try:
            async with session.post(ADDRESS, json=body) as response:
                if response.status in {429, 500, 502, 503, 504}:
                    await asyncio.sleep(float(response.headers.get("Retry-After", 2**attempt)))
                    continue
                return response.ok and bool((await response.json())["success"])
        except aiohttp.ClientError:
            await asyncio.sleep(2**attempt)
    return False


async def main() -> None:
    """Send every row."""
    refused = 0
    with Path(path).open(newline="", encoding="utf-8") as file:  # noqa: ASYNC230 - nothing else is to be done meanwhile.
        rows = [(row["email"], row["segment"]) for row in csv.DictReader(file)]
    wanted: dict[str, Counter[str]] = {}
    for email, group in rows:
        wanted.setdefault(email, Counter())[group] += 1
    whole = ((email, Counter([group])) for email, group in rows) if unit == "row" else iter(wanted.items())

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal refused
        for email, groups in whole:
            if await send(session, email, list(groups)):
                continue
            for group, count in groups.items():
                is_applied = len(groups) > 1 and await send(session, email, [group])
                refused += 0 if is_applied else count

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(work(session) for _ in range(32)))
    print(json.dumps({"refused": refused}))


asyncio.run(main())
