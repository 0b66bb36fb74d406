"""What it costs to have: the time to import, require and start, and the sizes of what is installed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from measure import COMMAND, NODE, PYTHON, ROOT, run, spread

ATTEMPTS = 11
IMPORTS = ("bizkithub", "requests", "httpx", "aiohttp", "niquests", "pyreqwest.client", "primp", "polars", "pandas")
PEERS = os.environ.get("BIZKITHUB_BENCH_PEERS", "")


def python_import(name: str) -> list[float]:
    """Milliseconds of an import in a fresh interpreter, after one that fills the machine's cache of files."""
    code = f"import time; start = time.perf_counter(); import {name}; print((time.perf_counter() - start) * 1e3)"
    return [float(run([PYTHON, "-c", code]).output) for _ in range(ATTEMPTS + 1)][1:]


def node_require(path: str, then: str = "") -> list[float]:
    """Milliseconds of a `require` in a fresh Node."""
    code = f"const found = require({json.dumps(path)}); {then}"
    code = f"const begin = performance.now(); {code}; console.log(performance.now() - begin)"
    return [float(run([NODE, "--eval", code]).output) for _ in range(ATTEMPTS + 1)][1:]


def start() -> list[float]:
    """Milliseconds from the start of the command to its end, where it only tells its version."""

    def once() -> float:
        begin = time.perf_counter()
        subprocess.run([COMMAND, "--version"], check=True, capture_output=True)
        return (time.perf_counter() - begin) * 1e3

    return [once() for _ in range(ATTEMPTS + 1)][1:]


def measure(_: int) -> dict[str, Any]:
    """Measure all of it."""
    package = str(ROOT / "node" / "bizkithub")
    client = "new found.Client({ apiKey: 'DEV_0123456789abcdefghijABCDEFGH' })"
    starts = {f"Python: import {name}": python_import(name) for name in IMPORTS}
    starts["Node: require bizkithub and make a client"] = node_require(package, client)
    starts["Node: require bizkithub/wasm and compile it"] = node_require(f"{package}/dist/wasm.js", "found.slug('VIP')")
    for peer in ("undici", "axios"):
        starts[f"Node: require {peer}"] = node_require(f"{PEERS}/node_modules/{peer}")
    starts["the command: bizkithub --version"] = start()
    packages = ROOT / "target" / "packages"
    files = {
        "the wheel": "bizkithub-*.whl",
        "the npm package, with the WebAssembly engine": "bizkithub-[0-9]*.tgz",
        "the npm package with the addon for one platform": "bizkithub-client-*.tgz",
        "the n8n node": "n8n-nodes-bizkithub-*.tgz",
        "the command's archive": "bizkithub-*-linux-gnu.tar.gz",
    }
    sizes = {what: next(packages.glob(pattern)).stat().st_size for what, pattern in files.items()}
    sizes["the addon, installed"] = (Path(package) / "bizkithub.node").stat().st_size
    sizes["the command, installed"] = COMMAND.stat().st_size
    found = {"milliseconds": {name: spread(values) for name, values in starts.items()}, "bytes": sizes}
    print(json.dumps(found, indent=1))
    return found
