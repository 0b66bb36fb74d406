"""A whole job against the sandbox: 100,000 rows of 20,000 customers, a twentieth bad; then killed and run again."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rows as made
from measure import COMMAND, CONTENDERS, NODE, PYTHON, Cost, run, spread

import bizkithub

if TYPE_CHECKING:
    from collections.abc import Callable

    from rows import Rows

ROWS, CUSTOMERS = 100_000, 20_000
PATIENCE = 60.0
LIMIT = 1500.0


def command(path: Path, url: str, key: str, folder: Path) -> tuple[list[str | Path], dict[str, str]]:
    """Run the file with our command."""
    arguments: list[str | Path] = [COMMAND, "run", path, "--email", "email", "--groups", "segment", "--json"]
    arguments += ["--quota", "1000000000/h", "--concurrency", "32", "--pace", "fast"]
    arguments += ["--ledger", folder / "command.ledger", "--rejects", folder / "rejects.csv"]
    return arguments, {"BIZKITHUB_BASE_URL": url, "BIZKITHUB_API_KEY": key}


def script(*program: str | Path) -> Callable[..., tuple[list[str | Path], dict[str, str]]]:
    """Run the file with one of the contenders."""
    return lambda path, url, key, folder: ([*program, path, url, key, folder], {})


@dataclass
class Tool:
    """How a tool does the job."""

    program: Callable[..., tuple[list[str | Path], dict[str, str]]]
    is_prepared: bool = False
    """Whether it makes a project of its own first, which is not measured."""
    status: int = 0
    """What it ends with where rows were refused."""
    rows: int | None = None
    """How many rows it can take, where that is not all of them."""
    is_killed: bool = True
    """Whether it can be killed and run again as its users would."""


AIRFLOW = os.environ.get("BIZKITHUB_BENCH_AIRFLOW", "python")
TOOLS = {
    "bizkithub, the command": Tool(command, status=1),
    "bizkithub, Python": Tool(script(PYTHON, CONTENDERS / "python_job.py")),
    "bizkithub, Node": Tool(script(NODE, CONTENDERS / "node_job.mjs")),
    "a loop around aiohttp, merged by customer": Tool(script(PYTHON, CONTENDERS / "aiohttp_job.py", "customer")),
    "a loop of p-limit around undici, merged": Tool(script(NODE, CONTENDERS / "p_limit_job.mjs", "customer")),
    "a loop around aiohttp, a request a row": Tool(script(PYTHON, CONTENDERS / "aiohttp_job.py", "row")),
    "a loop of p-limit around undici, a request a row": Tool(script(NODE, CONTENDERS / "p_limit_job.mjs", "row")),
    "dlt, custom destination": Tool(script(PYTHON, CONTENDERS / "dlt_job.py")),
    "drt, REST destination": Tool(script(PYTHON, CONTENDERS / "drt_job.py"), is_prepared=True),
    # n8n's command prints an execution as one text, and ends before that of 100,000 items is out.
    "bizkithub, n8n node": Tool(script(NODE, CONTENDERS / "n8n_job.mjs", "bizKitHub"), is_prepared=True, rows=10_000),
    "n8n, HTTP Request node": Tool(
        script(NODE, CONTENDERS / "n8n_job.mjs", "httpRequest"), is_prepared=True, rows=10_000
    ),
    # `dag.test()` runs no scheduler, which is who would go on after a kill.
    "bizkithub, Airflow operator": Tool(
        script(AIRFLOW, CONTENDERS / "airflow_job.py", "BizKitHubAddGroupsOperator"), is_prepared=True, is_killed=False
    ),
    "Airflow, a task that loops over HttpHook": Tool(
        script(AIRFLOW, CONTENDERS / "airflow_job.py", "HttpHook"), is_prepared=True, is_killed=False, rows=10_000
    ),
    # Airflow maps a task over 1,024 values, unless its settings say otherwise.
    "Airflow, HttpOperator mapped": Tool(
        script(AIRFLOW, CONTENDERS / "airflow_job.py", "HttpOperator"), is_prepared=True, is_killed=False, rows=1_000
    ),
}


def refused(name: str, cost: Cost) -> int:
    """Tell how many rows a tool says that it could not apply."""
    report = json.loads(cost.output.strip().splitlines()[-1])
    return int(report["report"]["rejected"] if name == "bizkithub, the command" else report["refused"])


def lost(sandbox: bizkithub.Sandbox, rows: Rows) -> int:
    """Count the groups of good rows that their customers do not have."""
    found = {customer["email"]: set(customer["groups"]) for customer in sandbox.customers()}
    return sum(len(groups - found.get(email, set())) for email, groups in rows.wanted.items())


def sandbox_of(rows: Rows) -> bizkithub.Sandbox:
    """Start a server that knows the customers."""
    return bizkithub.Sandbox(customer_policy="only_seeded", customers=rows.customers, request_log_capacity=1)


def received(sandbox: bizkithub.Sandbox) -> int:
    """Tell how many requests have arrived; the last one has their number."""
    return sum(request["sequence"] for request in sandbox.requests())


def start(name: str, rows: Rows, sandbox: bizkithub.Sandbox, folder: str) -> tuple[list[str | Path], dict[str, str]]:
    """Tell what runs the job, with everything prepared that a user would prepare once."""
    tool = TOOLS[name]
    arguments, environment = tool.program(rows.path, sandbox.url, sandbox.api_key, Path(folder))
    if tool.is_prepared:
        run(arguments, environment | {"BIZKITHUB_BENCH_STEP": "prepare"})
    return arguments, environment


def whole(name: str, rows: Rows) -> dict[str, float]:
    """Run the job once, undisturbed."""
    with tempfile.TemporaryDirectory() as folder, sandbox_of(rows) as sandbox:
        arguments, environment = start(name, rows, sandbox, folder)
        cost = run(arguments, environment, limit=LIMIT)
        if cost.status != TOOLS[name].status:
            return {
                "requests": received(sandbox),
                "seconds": cost.seconds,
                "lost": lost(sandbox, rows),
                "failed": cost.status,
            }
        return {
            "requests": received(sandbox),
            "seconds": cost.seconds,
            "cpu_seconds": cost.cpu,
            "megabytes": cost.megabytes,
            "lost": lost(sandbox, rows),
            "refused": refused(name, cost),
        }


def killed_at_half(name: str, rows: Rows, requests: int) -> dict[str, float]:
    """Kill the job when half of its requests have arrived, run it again, and count what was sent twice."""
    with tempfile.TemporaryDirectory() as folder, sandbox_of(rows) as sandbox:
        arguments, environment = start(name, rows, sandbox, folder)
        is_half = threading.Event()

        def watch() -> None:
            while received(sandbox) < requests // 2:
                time.sleep(0.001)
            is_half.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        run(arguments, environment, kill_when=is_half)
        watcher.join()
        again = run(arguments, environment, limit=LIMIT)
        if again.status != TOOLS[name].status:
            return {}
        return {"sent_twice": received(sandbox) - requests, "lost_after_kill": lost(sandbox, rows)}


def measure(rounds: int) -> list[dict[str, Any]]:
    """Run the job with every tool, in turn, some rounds, and once with a kill."""
    found: dict[str, list[dict[str, float]]] = {}
    results = []
    with tempfile.TemporaryDirectory() as folder:
        whole_file = made.make(Path(folder) / "customers.csv", ROWS, CUSTOMERS)
        files = {
            name: whole_file
            if tool.rows is None
            else made.make(Path(folder) / f"{tool.rows}.csv", tool.rows, CUSTOMERS)
            for name, tool in TOOLS.items()
        }
        for _ in range(rounds):
            for name, rows in files.items():
                # What takes minutes is not noise.
                if sum(figure["seconds"] for figure in found.get(name, [])) < PATIENCE:
                    found.setdefault(name, []).append(whole(name, rows))
                    print(name, found[name][-1], flush=True)
        for name, figures in found.items():
            result = {"tool": name, "rows": files[name].count, "bad_rows": files[name].bad, "rounds": len(figures)}
            worst = next((figure for figure in figures if "failed" in figure), None)
            kept = [worst] if worst else figures
            result |= {key: spread([figure[key] for figure in kept]) for key in kept[0]}
            if TOOLS[name].is_killed and "failed" not in result:
                result |= killed_at_half(name, files[name], int(figures[-1]["requests"]))
            print(result, flush=True)
            results.append(result)
    return results
