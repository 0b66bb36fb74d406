"""What the figures were measured on, and with which versions."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from measure import COMMAND, NODE

PACKAGES = (
    *("requests", "httpx", "aiohttp", "niquests", "pyreqwest", "primp", "dlt", "drt-core"),
    *("polars", "pandas", "duckdb", "email-validator", "python-slugify"),
)


def describe() -> str:
    """Name the processor, its share, the memory and the system."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text("utf-8"))
    gigabytes = f"{int(memory[1]) / 1e6:.0f} GB" if memory else ""
    processor = model[1].strip() if model else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {gigabytes}, Linux {platform.release()}"


def output(*command: str | Path) -> str:
    """Ask a program for its version."""
    text = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True).stdout
    found = re.search(r"\d+\.\d+(\.\d+)?", text)
    return found[0] if found else ""


def versions() -> dict[str, str]:
    """Name the versions of everything that was measured."""
    peers = os.environ.get("BIZKITHUB_BENCH_PEERS")
    node = {
        name: json.loads(Path(peers, "node_modules", name, "package.json").read_text("utf-8"))["version"]
        for name in ("undici", "axios", "got", "p-limit")
        if peers
    }
    airflow = os.environ.get("BIZKITHUB_BENCH_AIRFLOW")
    n8n = os.environ.get("BIZKITHUB_N8N")
    return {
        "bizkithub": output(COMMAND, "--version"),
        "Python": platform.python_version(),
        "Node": output(NODE, "--version"),
        "Rust": output("rustc", "--version"),
        "wrk": subprocess.run(["wrk", "-v"], check=False, capture_output=True, text=True).stdout.split()[1],
        **{name: metadata.version(name) for name in PACKAGES},
        **node,
        **(
            {"Airflow": output(airflow, "-c", "import importlib.metadata as m; print(m.version('apache-airflow'))")}
            if airflow
            else {}
        ),
        **(
            {"n8n": json.loads(Path(n8n, "node_modules/n8n/package.json").read_text("utf-8"))["version"]} if n8n else {}
        ),
    }
