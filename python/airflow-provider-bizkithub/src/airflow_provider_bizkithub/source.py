"""Where the rows of a task come from, brought into a shape that a plan reads."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from airflow_provider_bizkithub._airflow import BaseHook, ObjectStoragePath

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_PART = 10_000
"""How many rows are fetched from a database at once."""


@contextmanager
def opened(data: Any, *, columns: Sequence[str | int] | None = None) -> Iterator[Any]:
    """Bring data into a shape that a plan reads, as long as the context lasts.

    Args:
        data: The path of a file; a URI of fsspec, which is copied to this host; a data frame; or an iterable of rows.
        columns: When given, rows that come from no file are written to one, with these columns, so that they can be
            read a second time.

    """
    is_location = isinstance(data, (str, Path, ObjectStoragePath))
    if (is_location and "://" not in str(data)) or (not is_location and columns is None):
        yield data
    else:
        with TemporaryDirectory(prefix="bizkithub-") as folder:
            copy = Path(folder, Path(str(data)).name if is_location else "rows.ndjson")
            if is_location:
                _copy(ObjectStoragePath(str(data)), copy)
            else:
                _write_rows(_rows_of(data), columns or (), copy)
            yield copy


def rows_of_query(conn_id: str, sql: str, parameters: Any = None) -> Iterator[Mapping[str, Any]]:
    """Read the rows of a query, some at a time: neither the database nor this process holds all of them for it.

    Args:
        conn_id: Any connection whose hook speaks SQL.
        sql: The query.
        parameters: What its placeholders stand for, as the database's driver wants it.

    """
    engine = BaseHook.get_connection(conn_id).get_hook().get_sqlalchemy_engine()
    with closing(engine.connect()) as connection:
        streaming = connection.execution_options(stream_results=True, max_row_buffer=_PART, no_parameters=True)
        yield from streaming.exec_driver_sql(sql, parameters).mappings()


def save(file: Path, destination: str) -> None:
    """Put a file where a path or URI says; its folder is made."""
    if "://" in destination:
        ObjectStoragePath(destination).write_bytes(file.read_bytes())
    else:
        Path(destination).parent.mkdir(parents=True, exist_ok=True)
        Path(destination).write_bytes(file.read_bytes())


def _copy(source: ObjectStoragePath, copy: Path) -> None:
    with source.open("rb") as reader, copy.open("wb") as writer:
        while part := reader.read(1 << 20):
            writer.write(part)


def _write_rows(rows: Iterable[Any], columns: Sequence[str | int], file: Path) -> None:
    with file.open("w", encoding="utf-8") as writer:
        for row in rows:
            values = {str(column): value for column in columns if (value := _value(row, column)) is not None}
            writer.write(json.dumps(values, default=_json) + "\n")


def _rows_of(data: Any) -> Iterable[Any]:
    """Take the rows of a frame one by one; what is none is taken as it is."""
    if hasattr(data, "collect_schema") and hasattr(data, "collect"):
        data = data.collect()
    if hasattr(data, "iter_rows"):  # polars
        return iter(data.iter_rows(named=True))
    if hasattr(data, "to_pylist"):  # pyarrow
        return iter(data.to_pylist())
    if hasattr(data, "itertuples"):  # pandas
        names = [str(name) for name in data.columns]
        return (dict(zip(names, row, strict=True)) for row in data.itertuples(index=False, name=None))
    return iter(data)


def _value(row: Any, column: str | int) -> Any:
    if hasattr(row, "keys"):
        value = row[column] if column in row else None  # noqa: SIM401 - not every mapping has `get`
    elif isinstance(column, str) and hasattr(row, "_fields"):
        value = getattr(row, column, None)
    else:
        value = row[int(column)]
    # Frames write a missing value as a number that is not equal to itself.
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124


def _json(value: Any) -> Any:
    """Write what JSON has no form for: numbers and arrays of numpy; anything else stays what is refused as no text."""
    for method in ("item", "tolist"):
        if hasattr(value, method) and getattr(value, "ndim", None) == (0 if method == "item" else 1):
            return getattr(value, method)()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return {type(value).__name__: str(value)}
