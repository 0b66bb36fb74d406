from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bizkithub as bk
from bizkithub import _native

if TYPE_CHECKING:
    from collections.abc import Callable


def test_importing_and_making_clients_starts_no_thread(check_python: Callable[[str], str]) -> None:
    if sys.platform != "linux":
        pytest.skip("/proc counts the threads")
    printed = check_python("""
        import os
        def threads():
            return len(os.listdir("/proc/self/task"))
        import bizkithub as bk
        print(threads())
        bk.AsyncClient("DEV_Import0000000000000000000000")
        client = bk.Client("DEV_Import0000000000000000000000", base_url="http://127.0.0.1:1", tries=1)
        client.plan([{"email": "a@example.com"}], email="email", constant_groups=["vip"])
        print(threads())
        try:
            client.ping()
        except bk.NetworkError:
            print(threads())
    """)
    assert printed.split() == ["1", "1", "1"]


def test_importing_brings_nothing_that_is_slow_to_import(check_python: Callable[[str], str]) -> None:
    printed = check_python("""
        import sys
        before = set(sys.modules)
        import bizkithub
        print(*sorted(name for name in set(sys.modules) - before if not name.startswith("bizkithub")))
    """)
    slow = {"asyncio", "dataclasses", "datetime", "enum", "inspect", "json", "re", "socket", "threading", "typing"}
    assert set(printed.split()) & slow == set()


def test_every_public_name_is_documented() -> None:
    for name in set(bk.__all__) - {"__version__"}:
        documented = getattr(bk, name)
        assert documented.__doc__, name
        for member, value in vars(documented).items() if isinstance(documented, type) else ():
            if not member.startswith("_") and callable(value):
                assert value.__doc__, f"{name}.{member}"


def test_the_package_is_what_its_metadata_says() -> None:
    metadata = importlib.metadata.metadata("bizkithub")
    assert metadata["Version"] == bk.__version__
    # The stable ABI of 3.10 is what the wheel is built for.
    assert metadata["Requires-Python"] == ">=3.10"
    assert "abi3" in Path(str(_native.__file__)).name
    requirements = importlib.metadata.requires("bizkithub") or []
    assert all("extra ==" in requirement for requirement in requirements), "nothing else is needed"
    assert Path(str(bk.__file__)).with_name("py.typed").exists()


def test_the_stub_says_what_the_module_has() -> None:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy.stubtest", "bizkithub._native", "--concise"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
