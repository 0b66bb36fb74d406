"""The real kernel of notebooks: the examples run in it, and it can be interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import bizkithub as bk

EXAMPLES = Path(__file__).parents[3] / "examples"
DRIVER = Path(__file__).parent / "kernel_driver.py"


class Kernel:
    """A real kernel, and the code that it is to run."""

    def __init__(self, folder: Path) -> None:
        self._driver = subprocess.Popen(
            [sys.executable, "-W", "ignore", DRIVER],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._pid: int = self.answer()

    def ask(self, code: str) -> None:
        assert self._driver.stdin is not None
        self._driver.stdin.write(json.dumps(code) + "\n")
        self._driver.stdin.flush()

    def answer(self) -> Any:
        assert self._driver.stdout is not None
        return json.loads(self._driver.stdout.readline())

    def run(self, code: str) -> list[dict[str, Any]]:
        self.ask(code)
        messages: list[dict[str, Any]] = self.answer()
        assert not [message for message in messages if message["type"] == "error"], messages
        return messages

    def interrupt(self) -> None:
        os.kill(self._pid, signal.SIGINT)

    def close(self) -> None:
        self._driver.communicate(timeout=30)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path)
    yield kernel
    kernel.close()


@pytest.mark.parametrize("name", ["quick_start", "ten_thousand_customers"])
def test_an_example_runs_and_shows_pages(kernel: Kernel, name: str) -> None:
    notebook = json.loads((EXAMPLES / f"{name}.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells), "what a run makes is not kept"
    messages = [message for cell in cells for message in kernel.run("".join(cell["source"]))]
    pages = [message["data"].get("text/html", "") for message in messages if "data" in message]
    assert sum('class="bizkithub"' in page for page in pages) >= 2


def said(messages: list[dict[str, Any]]) -> str:
    return "".join(message["text"] for message in messages if message["type"] == "stream")


@pytest.mark.parametrize(("make", "wait"), [("Client", ""), ("AsyncClient", "await ")])
def test_an_interrupted_run_says_how_to_go_on_and_goes_on(
    sandbox: bk.Sandbox, kernel: Kernel, make: str, wait: str
) -> None:
    sandbox.add_fault({"effect": {"latency_seconds": 0.2}})
    kernel.run(
        f"""
        import bizkithub as bk
        client = bk.{make}({sandbox.api_key!r}, base_url={sandbox.url!r})
        rows = [{{"email": f"user{{number}}@example.com"}} for number in range(200)]
        plan = {wait}client.plan(rows, email="email", constant_groups=["vip"])
        """
    )
    kernel.ask(f"{wait}plan.run(concurrency=2)")
    sandbox.wait_for_request(path="/api/v1/customer/add-groups")
    kernel.interrupt()
    messages = kernel.answer()
    [error] = [message["ename"] for message in messages if message["type"] == "error"]
    assert error in ("KeyboardInterrupt", "CancelledError")
    assert "run the plan again" in said(messages)
    assert said(kernel.run("print(plan.last_report.pending > 0)")) == "True\n"
    sandbox.clear_faults()
    again = kernel.run(f"report = {wait}plan.run(); print(report.is_complete, report.applied + report.skipped)")
    assert said(again) == "True 200\n"
