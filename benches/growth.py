"""Whether a request of ten million costs what one of a thousand does: the command with its ledger, a customer a row."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from measure import COMMAND, KEY, RELEASE, Cost, run, server, spread

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def write(path: Path, rows: int) -> None:
    """Write a file of so many customers, a row each."""
    with path.open("w", encoding="utf-8") as file:
        file.write("email,segment\n")
        file.writelines(f"customer-{number}@example.com,vip\n" for number in range(rows))


def measure(rounds: int) -> list[dict[str, Any]]:
    """Run files of every size to their ends, the greatest once, and each once more, when nothing is left to send."""
    results = []
    for rows in SIZES:
        first: list[Cost] = []
        again: list[Cost] = []
        sizes: list[int] = []
        for _ in range(rounds if rows < SIZES[-1] else 1):
            with tempfile.TemporaryDirectory() as name, server([RELEASE / "examples" / "server", "plain"]) as url:
                folder = Path(name)
                write(folder / "customers.csv", rows)
                command: list[str | Path] = [COMMAND, "run", folder / "customers.csv"]
                command += ["--email", "email", "--groups", "segment", "--json"]
                command += ["--quota", "1000000000/h", "--concurrency", "32", "--pace", "fast"]
                command += ["--ledger", folder / "command.ledger", "--rejects", folder / "rejects.csv"]
                for costs in (first, again):
                    costs.append(run(command, {"BIZKITHUB_BASE_URL": url, "BIZKITHUB_API_KEY": KEY}))
                    if costs[-1].status != 0:
                        message = f"the run of {rows} rows ended with {costs[-1].status}"
                        raise RuntimeError(message)
                    print(rows, costs[-1].seconds, costs[-1].cpu, costs[-1].megabytes, flush=True)
                sizes.append(sum(file.stat().st_size for file in folder.glob("command.ledger*")))
        results.append(
            {
                "rows": rows,
                "rounds": len(first),
                "cpu_microseconds": spread([cost.cpu / rows * 1e6 for cost in first]),
                "megabytes": spread([cost.megabytes for cost in first]),
                "seconds": spread([cost.seconds for cost in first]),
                "seconds_again": spread([cost.seconds for cost in again]),
                "ledger_bytes_per_row": spread([size / rows for size in sizes]),
            }
        )
    return results
