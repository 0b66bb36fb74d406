"""What one call costs its process: clients of Python, Node and Rust, beside the least that a client can cost."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import CONTENDERS, KEY, NODE, PYTHON, RELEASE, cpu_seconds, run, server, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOCOLS = {"plain": "HTTP/1.1", "http1": "HTTP/1.1, TLS", "http2": "HTTP/2, TLS"}
AT_ONCE = (1, 32, 256)
SECONDS = 1.0

CLIENTS: dict[str, tuple[str, ...]] = {
    "Python": (
        "bizkithub.Client",
        "bizkithub.AsyncClient",
        "requests",
        "httpx",
        "aiohttp",
        "niquests",
        "pyreqwest",
        "primp",
    ),
    "Node": (
        *("bizkithub", "bizkithub, transport: undici", "bizkithub/wasm, transport: undici"),
        *("undici", "fetch", "axios", "got"),
    ),
    "Rust": ("bizkithub", "reqwest, with a timeout", "reqwest"),
    "C": ("wrk",),
}
# Those that speak HTTP/1.1 only.
WITHOUT_HTTP2 = {"requests", "aiohttp", "fetch", "wrk"}
# 256 threads are no use of a client that waits.
SKIPPED = {("bizkithub.Client", 256), ("requests", 256)}


def cells() -> Iterator[tuple[str, str, int, str]]:
    """Name what is measured: protocol, language, how many at once, client."""
    for protocol in PROTOCOLS:
        for at_once in AT_ONCE:
            for language, clients in CLIENTS.items():
                for client in clients:
                    if (client, at_once) not in SKIPPED and not (protocol == "http2" and client in WITHOUT_HTTP2):
                        yield protocol, language, at_once, client


def program(language: str, client: str) -> list[str | Path]:
    """Tell what runs a client."""
    programs: dict[str, list[str | Path]] = {
        "Python": [PYTHON, CONTENDERS / "python_calls.py"],
        "Node": [NODE, CONTENDERS / "node_calls.mjs"],
        "Rust": [RELEASE / "examples" / "calls"],
    }
    return [*programs[language], client]


def measure_client(
    command: list[str | Path], protocol: str, url: str, at_once: int, certificate: Path | None
) -> tuple[float, float] | None:
    """Tell microseconds of CPU a call, and calls a second; nothing of a client that failed."""
    command = [*command, url, KEY, str(at_once), str(SECONDS), *([certificate] if certificate else [])]
    environment = os.environ | ({"NODE_EXTRA_CA_CERTS": str(certificate)} if certificate else {})
    environment["BIZKITHUB_BENCH_PROTOCOL"] = protocol
    with subprocess.Popen(
        [str(part) for part in command], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # One of them waits for ever where a server closes its connection.
        impatience = threading.Timer(20 * SECONDS, process.kill)
        impatience.start()
        begin = process.stdout.readline().strip()
        before = cpu_seconds(process.pid)
        words = process.stdout.readline().split()
        impatience.cancel()
        if begin != "begin" or len(words) != 3:  # noqa: PLR2004
            return None
        cpu = cpu_seconds(process.pid) - before
        process.stdin.close()
    calls, seconds = int(words[1]), float(words[2])
    return cpu / calls * 1e6, calls / seconds


def measure_wrk(url: str, at_once: int) -> tuple[float, float] | None:
    """Let wrk send the same request over and over; it builds nothing and reads nothing but the status."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        body = '{"email":"customer-1@example.com","groups":["vip"]}'
        script.write(f"wrk.method='POST' wrk.body='{body}' wrk.headers['Content-Type']='application/json'")
        script.flush()
        address = f"{url}/api/v1/customer/add-groups?apiKey={KEY}"
        command = ["wrk", "-t1", f"-c{at_once}", f"-d{round(SECONDS + 0.5)}s", "-s", script.name, address]
        cost = run(command)
    calls = re.search(r"(\d+) requests in", cost.output)
    rate = re.search(r"Requests/sec: *([\d.]+)", cost.output)
    if calls is None or rate is None or "Non-2xx" in cost.output:
        raise RuntimeError(cost.output)
    return cost.cpu / int(calls[1]) * 1e6, float(rate[1])


def measure(rounds: int) -> list[dict[str, Any]]:
    """Measure every client in every protocol, in turn, some rounds."""
    found: dict[tuple[str, str, int, str], list[tuple[float, float] | None]] = {}
    for _ in range(rounds):
        for protocol in PROTOCOLS:
            with tempfile.TemporaryDirectory() as folder:
                certificate = Path(folder) / "certificate.pem"
                arguments = [protocol] if protocol == "plain" else [protocol, str(certificate)]
                with server([RELEASE / "examples" / "server", *arguments]) as url:
                    for cell in cells():
                        _, language, at_once, client = cell
                        if cell[0] != protocol:
                            continue
                        if client == "wrk":
                            figures = measure_wrk(url, at_once)
                        else:
                            trusted = None if protocol == "plain" else certificate
                            figures = measure_client(program(language, client), protocol, url, at_once, trusted)
                        found.setdefault(cell, []).append(figures)
                        print(*cell, figures, flush=True)
    results = []
    for (protocol, language, at_once, client), costs in found.items():
        result: dict[str, Any] = {"protocol": protocol, "language": language, "at_once": at_once, "client": client}
        result["rounds"] = len(costs)
        measured = [cost for cost in costs if cost is not None]
        # A client that fails once is none to compare.
        if len(measured) == len(costs):
            result["cpu_microseconds"] = spread([cpu for cpu, _ in measured])
            result["calls_per_second"] = spread([rate for _, rate in measured])
        results.append(result)
    return results
