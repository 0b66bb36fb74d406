from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

import bizkithub as bk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BIZKITHUB_API_KEY", "BIZKITHUB_BASE_URL", "BIZKITHUB_OTLP_ENDPOINT", "RUST_BACKTRACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sandbox() -> Iterator[bk.Sandbox]:
    with bk.Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: bk.Sandbox) -> Iterator[bk.Client]:
    with sandbox.client() as client:
        yield client


@pytest.fixture
def run_python() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts Python programs; those that a failed test leaves behind are killed."""
    processes: list[subprocess.Popen[str]] = []

    def run(program: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore::DeprecationWarning",
                "-c",
                textwrap.dedent(program),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def check_python(run_python: Callable[[str], subprocess.Popen[str]]) -> Callable[[str], str]:
    """Runs a Python program that must end by itself, well and without a word on stderr; returns what it printed."""

    def check(program: str) -> str:
        process = run_python(program)
        printed, complaints = process.communicate(timeout=60)
        assert (process.returncode, complaints) == (0, ""), (process.returncode, complaints, printed)
        return printed

    return check
