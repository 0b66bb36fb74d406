"""The wheel brings the command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import bizkithub as bk

SCRIPT = [str(Path(sysconfig.get_path("scripts")) / "bizkithub")]
MODULE = [sys.executable, "-m", "bizkithub"]


@pytest.mark.parametrize("command", [SCRIPT, MODULE], ids=["script", "module"])
def test_the_command_adds_groups(sandbox: bk.Sandbox, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.setenv("BIZKITHUB_API_KEY", sandbox.api_key)
    monkeypatch.setenv("BIZKITHUB_BASE_URL", sandbox.url)
    arguments = ["add", "--json", "--email", "jan@barasek.com", "--group", "vip"]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert isinstance(json.loads(result.stdout), dict)
    assert sandbox.groups_of(email="jan@barasek.com") == {"vip"}


def test_the_exit_code_is_the_commands() -> None:
    result = subprocess.run([*MODULE, "add", "--json"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    result = subprocess.run([*MODULE, "--help"], capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "Usage: bizkithub" in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_a_run_with_its_report(
    sandbox: bk.Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BIZKITHUB_API_KEY", sandbox.api_key)
    monkeypatch.setenv("BIZKITHUB_BASE_URL", sandbox.url)
    sandbox.add_fault({"effect": "never_answer"})
    path = tmp_path / "customers.csv"
    path.write_text("email\na@example.com\nb@example.com\n")
    arguments = ["run", str(path), "--email", "email", "--group", "vip", "--json"]
    with subprocess.Popen([*MODULE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        sandbox.wait_for_request(fault="never_answer")
        process.send_signal(signal.SIGINT)
        printed, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (130, "")
    assert json.loads(printed)["report"]["isCancelled"] is True
