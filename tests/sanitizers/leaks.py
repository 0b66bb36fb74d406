"""Does a little of everything, so that the leak sanitizer sees at the end what was not given back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
import tempfile
from pathlib import Path

import bizkithub as bk
from bizkithub import _native

logging.basicConfig(level=logging.DEBUG, filename=os.devnull)
if not str(_native.__file__).startswith(sys.argv[1]):
    sys.exit(f"{_native.__file__} is not the one with the sanitizer")
ROWS = [{"email": f"user{number}@example.com", "groups": ["vip", "sale"]} for number in range(200)]


def _calls(sandbox: bk.Sandbox) -> None:
    with sandbox.client(quota="100000/min") as client:
        for row in ROWS:
            client.add_groups(email=row["email"], groups=row["groups"])
        plan = client.plan(ROWS, email="email", groups="groups")
        report = plan.run(progress=lambda _: None)
        _ = str(plan.bill), report.outcomes[0], list(report.outcomes), report.reasons, plan.refusals
        for wrong in ({"email": "x", "groups": ["vip"]}, {"email": "a@example.com", "groups": []}):
            with contextlib.suppress(bk.InvalidInputError):
                client.add_groups(**wrong)


async def _awaited_calls(sandbox: bk.Sandbox) -> None:
    async with sandbox.async_client(quota="100000/min") as client:
        await asyncio.gather(*(client.add_groups(email=row["email"], groups=row["groups"]) for row in ROWS))
        await (await client.plan(ROWS, email="email", groups="groups")).run()
        cancelled = asyncio.ensure_future(client.ping())
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)


def _ledgers(sandbox: bk.Sandbox) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "customers.csv")
        path.write_text("email,groups\n" + "".join(f"{row['email']},vip\n" for row in ROWS) + "nobody,vip\n")
        for _ in range(2):
            with sandbox.client(ledger=Path(folder, "groups.ledger"), quota="100000/min") as client:
                report = client.plan(path, email="email", groups="groups").run()
                report.write_outcomes(Path(folder, "outcomes.csv"))
                report.write_rejects(Path(folder, "rejects.csv"))


def _panics() -> None:
    for on_runtime in (False, True):
        with contextlib.suppress(bk.InternalError):
            _native.panic_for_tests(on_runtime=on_runtime)


with bk.Sandbox() as sandbox:
    for _ in range(3):
        _calls(sandbox)
        asyncio.run(_awaited_calls(sandbox))
        _ledgers(sandbox)
        _panics()
gc.collect()
