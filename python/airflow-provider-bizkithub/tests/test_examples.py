"""The example DAGs, and those that the documentation shows, run as they stand there."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import bizkithub as bk

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / "airflow.md", Path(__file__).parents[1] / "README.md"]
EXAMPLES = [
    pytest.param(path.read_text(encoding="utf-8"), id=path.stem)
    for path in sorted((ROOT / "examples" / "airflow").glob("*.py"))
]
EXAMPLES += [
    pytest.param(block, id=f"{page.parent.name}-{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```py(?:thon)?\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    if "airflow" in block
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_runs(
    text: str, connect: Any, sandbox: bk.Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models import DagBag

    (tmp_path / "example.py").write_text(
        text.replace("from airflow.sdk import dag  ", OF_ANY_VERSION), encoding="utf-8"
    )
    (tmp_path / "customers.csv").write_text("email,segment\njan@barasek.com,VIP\n", encoding="utf-8")
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        connection.execute("CREATE TABLE customers (email TEXT, segment TEXT)")
        connection.execute("INSERT INTO customers VALUES ('jan@barasek.com', 'VIP'), ('eva@example.com', NULL)")
    connection.close()
    connect(ledger=str(tmp_path / "groups.ledger"))
    warehouse = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(warehouse))
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    bag = DagBag(str(tmp_path))
    assert bag.import_errors == {}
    [dag] = bag.dags.values()
    assert str(dag.test().state) in {"success", "DagRunState.SUCCESS"}
    assert sandbox.groups_of(email="jan@barasek.com") == {"vip"}


OF_ANY_VERSION = """try:
    from airflow.sdk import dag
except ImportError:
    from airflow.decorators import dag
"""
