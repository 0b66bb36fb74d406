"""A home of Airflow of its own, made before anything of Airflow is imported, and the API on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bizkithub as bk
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = tempfile.TemporaryDirectory(prefix="airflow-")
os.environ.update(
    {
        "AIRFLOW_HOME": HOME.name,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).parent / "dags"),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "NO_PROXY": "localhost,127.0.0.1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
)


@pytest.fixture(scope="session", autouse=True)
def database() -> None:
    subprocess.run([Path(sys.executable).with_name("airflow"), "db", "migrate"], check=True, capture_output=True)


@pytest.fixture
def sandbox() -> Iterator[bk.Sandbox]:
    with bk.Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def connect(sandbox: bk.Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the connection `bizkithub_default`, with extras."""

    def connect(server: bk.Sandbox = sandbox, **extras: Any) -> None:
        connection = {"conn_type": "bizkithub", "host": server.url, "password": server.api_key, "extra": extras}
        monkeypatch.setenv("AIRFLOW_CONN_BIZKITHUB_DEFAULT", json.dumps(connection))

    connect()
    return connect
