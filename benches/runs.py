"""Measures what a run costs the client's process: CPU (user + system) per request, planning and start-up included.

One input of so many customers is run by the command, by Python and by Node, 32 requests at a time, with a SQLite
ledger, against a sandbox in a process of its own; then again with the full ledger; then over TLS. Loops that plan
nothing and remember nothing run beside them: reqwest in Rust always, aiohttp where it is installed.

    cargo build --release --examples --package bizkithub --package bizkithub-cli
    .venv/bin/python benches/runs.py [CUSTOMERS]
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from python_calls import AT_ONCE, sandbox

ROOT = Path(__file__).parents[1]
COMMAND = ROOT / "target" / "release" / "bizkithub"
EXAMPLES = COMMAND.parent / "examples"
QUOTA = "1000000000/h"

PYTHON = f"""
import sys
import bizkithub
with bizkithub.Client(quota="{QUOTA}", ledger=sys.argv[2]) as client:
    report = client.plan(sys.argv[1], email="email", groups="groups").run(concurrency={AT_ONCE}, pace="fast")
assert report.is_complete, report
"""
NODE = f"""
import {{ Client }} from '{ROOT.as_uri()}/node/bizkithub/dist/index.mjs';
const client = new Client({{ quota: '{QUOTA}', ledger: process.argv[2] }});
const plan = await client.plan(process.argv[1], {{ email: 'email', groups: 'groups' }});
const report = await plan.run({{ concurrency: {AT_ONCE}, pace: 'fast' }});
if (!report.isComplete) throw new Error('rows are left');
"""
AIOHTTP = f"""
import asyncio, sys
import aiohttp
async def main(url, requests):
    left = iter(range(requests))
    async def work(session):
        for number in left:
            body = {{"email": f"customer-{{number}}@example.com", "groups": ["vip"]}}
            async with session.post(url, json=body) as response:
                assert (await response.json())["success"]
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(work(session) for _ in range({AT_ONCE})))
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def measure(name: str, requests: int, command: list[str | Path], **environment: str) -> None:
    """Run a command to its end and print what it cost."""
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command, env=os.environ | environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds, cpu = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{name} ended with {process.returncode}")
    cost = (
        f"{cpu / requests * 1e6:.1f} µs CPU a request, {requests / seconds:,.0f} a second" if requests else "0 requests"
    )
    print(f"{name}: {cost}, {seconds:.1f} s")


def run_of(path: Path, ledger: Path) -> list[str | Path]:
    """Run a file with the command."""
    return [
        *(
            COMMAND,
            "run",
            path,
            "--email",
            "email",
            "--groups",
            "groups",
            "--ledger",
            ledger,
            "--quota",
            QUOTA,
        ),
        *(
            "--concurrency",
            str(AT_ONCE),
            "--pace",
            "fast",
            "--rejects",
            path.with_name("rejects.csv"),
            "--json",
        ),
    ]


def main() -> None:
    """Measure all of them."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name, sandbox() as (url, key):
        folder = Path(name)
        path, ledger = folder / "customers.csv", folder / "command.ledger"
        rows = (f"customer-{number}@example.com,vip\n" for number in range(customers))
        path.write_text("email,groups\n" + "".join(rows), "utf-8")
        ours = {"BIZKITHUB_BASE_URL": url, "BIZKITHUB_API_KEY": key}
        measure("command", customers, run_of(path, ledger), **ours)
        size = sum(file.stat().st_size for file in folder.glob("command.ledger*"))
        print(f"its ledger: {size / customers:.0f} bytes an assignment")
        measure("command again", 0, run_of(path, ledger), **ours)
        measure("command once more", 0, run_of(path, ledger), **ours)
        measure(
            "Python",
            customers,
            [sys.executable, "-c", PYTHON, path, folder / "python.ledger"],
            **ours,
        )
        node: list[str | Path] = [
            *("node", "--input-type=module", "--eval", NODE, "--"),
            *(path, folder / "node.ledger"),
        ]
        measure("Node", customers, node, **ours)
        request = f"{url}/api/v1/customer/add-groups?apiKey={key}"
        loop: list[str | Path] = [
            EXAMPLES / "bare_reqwest_loop",
            request,
            str(customers),
            str(AT_ONCE),
        ]
        measure("a bare reqwest loop", customers, loop)
        if importlib.util.find_spec("aiohttp"):
            calls = customers // 5
            measure(
                "an aiohttp loop",
                calls,
                [sys.executable, "-c", AIOHTTP, request, str(calls)],
            )
        certificate = folder / "certificate.pem"
        with subprocess.Popen(  # noqa: S603
            [EXAMPLES / "tls_server", certificate],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdin is not None  # noqa: S101
            assert server.stdout is not None  # noqa: S101
            ours["BIZKITHUB_BASE_URL"] = server.stdout.readline().strip()
            command: list[str | Path] = [*run_of(path, folder / "tls.ledger"), "--ca-file", certificate]
            measure("command, TLS and HTTP/2", customers, command, **ours)
            server.stdin.close()


if __name__ == "__main__":
    main()
