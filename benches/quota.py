"""How jobs end under the published quotas, on a simulated clock: ours, and what people pace by otherwise."""

from __future__ import annotations

import json
from typing import Any

from measure import ROOT, run


def measure(_: int) -> list[dict[str, Any]]:
    """Run the simulation, which is the same every time, and read what it prints."""
    test = ["--package", "bizkithub", "--test", "simulation", "--", "--nocapture", "who_paces_by_other_means"]
    command = ["cargo", "test", "--release", "--locked", "--manifest-path", str(ROOT / "Cargo.toml"), *test]
    cost = run(command)
    results = [json.loads(line) for line in cost.output.splitlines() if line.startswith("{")]
    if cost.status != 0 or not results:
        message = f"the simulation ended with {cost.status}"
        raise RuntimeError(message)
    return results
