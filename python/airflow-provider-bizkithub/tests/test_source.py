"""Where rows come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from airflow_provider_bizkithub import source as sources
from airflow_provider_bizkithub._airflow import AirflowFailException


class Row(NamedTuple):
    email: Any
    segment: Any


def spooled(data: Any, *columns: str | int) -> list[dict[str, Any]]:
    with sources.opened(data, columns=columns) as file:
        if file.suffix == ".parquet":
            parquet = pytest.importorskip("pyarrow.parquet")
            return parquet.read_table(file).select([str(column) for column in columns]).to_pylist()
        lines = file.read_text(encoding="utf-8").splitlines()
    assert not file.exists()
    return [json.loads(line) for line in lines]


def test_what_can_be_read_twice_is_left_alone(tmp_path: Path) -> None:
    rows = [{"email": "a@example.com"}]
    with sources.opened(rows) as data:
        assert data is rows
    path = str(tmp_path / "customers.csv")
    with sources.opened(path, columns=["email"]) as data:
        assert data == path


@pytest.mark.parametrize(
    "rows",
    [
        [{"email": "a@example.com", "segment": ["vip"], "other": object()}, {"email": None, "segment": {"news"}}],
        iter([Row("a@example.com", ("vip",)), Row(float("nan"), ["news"])]),
    ],
)
def test_rows_are_written_down_with_the_columns_of_the_plan(rows: Any) -> None:
    first, second = spooled(rows, "email", "segment")
    assert (first["email"], first["segment"]) == ("a@example.com", ["vip"])
    assert second == {"email": None, "segment": ["news"]}


def test_tuples_are_written_down_by_position() -> None:
    rows = [("a@example.com", 1, "vip"), ("b@example.com",)]
    assert spooled(rows, 0, 2) == [{"0": "a@example.com", "1": None, "2": "vip"}, {"0": "b@example.com"}]


def test_a_column_that_no_row_has_is_not_written_down() -> None:
    rows = [{"email": "a@example.com", "segment": "vip"}, {"email": "b@example.com", "segment": "vip"}]
    assert spooled(rows, "email", "segmnt") == [{"email": "a@example.com", "segment": None}, {"email": "b@example.com"}]


def test_what_is_no_row_is_told() -> None:
    for rows in ([None], [("a@example.com",)], ["a@example.com"]):
        with pytest.raises(AirflowFailException, match="row 1 is "):
            spooled(rows, "email")
    for data in (5, {"email": "a@example.com"}, "customers.csv"):
        with sources.opened(data, columns=["email"]) as opened:
            assert opened is data, "the plan refuses it in its own words"


def test_frames_are_written_down() -> None:
    values = {"email": ["a@example.com", None], "segment": [["vip"], None], "other": [1.5, 2.5]}
    expected = [("a@example.com", ["vip"]), (None, None)]
    pandas = pytest.importorskip("pandas")
    written = spooled(pandas.DataFrame(values), "email", "segment")
    assert [(row["email"], row["segment"]) for row in written] == expected
    numbers = pandas.DataFrame({"email": pandas.array([7], dtype="int64")})
    assert spooled(numbers, "email") == [{"email": 7}]
    missing = pandas.DataFrame(
        {"email": pandas.array(["a@example.com", None], dtype="string"), 0: [[float("nan")], []]}
    )
    assert spooled(missing, "email", 0) == [{"email": "a@example.com", "0": [None]}, {"email": None, "0": []}]


def test_what_is_no_text_stays_none() -> None:
    assert spooled([{"email": Path("x")}], "email") == [{"email": {type(Path("x")).__name__: "x"}}]
    assert spooled([{"email": float("inf")}], "email") == [{"email": {"float": "inf"}}]


def test_a_uri_is_copied_with_its_suffix(tmp_path: Path) -> None:
    original = tmp_path / "customers.ndjson"
    original.write_bytes(b"{}\n")
    with sources.opened(f"file://{original}") as copy:
        assert copy != original
        assert (copy.name, copy.read_bytes()) == ("customers.ndjson", b"{}\n")
    sources.save(original, f"file://{tmp_path}/saved.csv")
    sources.prepare(tmp_path / "new" / "saved.csv")
    sources.save(original, str(tmp_path / "new" / "saved.csv"))
    for nowhere in (tmp_path, original / "saved.csv"):
        with pytest.raises(AirflowFailException, match="the rejects cannot be written"):
            sources.prepare(nowhere)
    assert (tmp_path / "saved.csv").read_bytes() == (tmp_path / "new" / "saved.csv").read_bytes() == b"{}\n"
