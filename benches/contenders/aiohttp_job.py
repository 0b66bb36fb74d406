"""The job as a loop around aiohttp, with care: `aiohttp_job.py FILE URL KEY FOLDER`.

A request a row, 32 at a time; waits as the server asks, tries again what failed, counts what was refused.
"""

import asyncio
import csv
import json
import sys
from pathlib import Path

import aiohttp

path, url, key, _ = sys.argv[1:]
ADDRESS = f"{url}/api/v1/customer/add-groups?apiKey={key}"
TRIES = 3


async def send(session: aiohttp.ClientSession, row: dict[str, str]) -> bool:
    """Tell whether the customer has the group now."""
    body = {"email": row["email"], "groups": [row["segment"]]}
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
        rows = csv.DictReader(file)

        async def work(session: aiohttp.ClientSession) -> None:
            nonlocal refused
            for row in rows:
                is_applied = await send(session, row)
                refused += not is_applied

        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(work(session) for _ in range(32)))
    print(json.dumps({"refused": refused}))


asyncio.run(main())
