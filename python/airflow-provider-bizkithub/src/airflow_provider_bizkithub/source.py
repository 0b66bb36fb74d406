"""Where the rows of a task come from, brought into a shape that a plan reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import closing, contextmanager
from functools import partial
from math import isinf, isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from airflow_provider_bizkithub._airflow import AirflowFailException, BaseHook, ObjectStoragePath

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import TypeIs

_PART = 10_000
"""How many rows are fetched from a database at once."""


def is_location(data: Any) -> TypeIs[str | os.PathLike[str]]:
    """Whether data is a path or a URI, not rows."""
    return isinstance(data, (str, os.PathLike, ObjectStoragePath))


@contextmanager
def opened(data: Any, *, columns: Sequence[str | int] | None = None) -> Iterator[Any]:
    """Bring data into a shape that a plan reads, as long as the context lasts.

    Args:
        data: The path of a file; a URI of fsspec, which is copied to this host; a data frame; or an iterable of rows.
        columns: When given, rows that come from no file are written to one, with these columns, so that they can be
            read a second time.

    """
    is_remote = is_location(data) and "://" in str(data)
    # What is no rows at all, the plan refuses in its own words.
    is_rows = not is_location(data) and (
        is_frame(data) or (isinstance(data, Iterable) and not isinstance(data, Mapping))
    )
    if not is_remote and (is_location(data) or columns is None or not is_rows):
        yield data
        return
    with TemporaryDirectory(prefix="bizkithub-") as folder:
        if is_remote:
            copy = Path(folder, Path(str(data)).name)
            _copy(ObjectStoragePath(str(data)), copy)
        else:
            copy = _spooled(data, columns or (), Path(folder))
        yield copy


def is_frame(data: Any) -> bool:
    """Whether data is a table of some library."""
    # Nothing of bizkithub is imported with this module, because every parse of a DAG would pay for it.
    from bizkithub._frame import is_frame

    return is_frame(data)


def rows_of_query(conn_id: str, sql: str, parameters: Any = None) -> Iterator[Mapping[str, Any]]:
    """Read the rows of a query, some at a time: neither the database nor this process holds all of them for it.

    Args:
        conn_id: Any connection whose hook has an SQLAlchemy engine.
        sql: The query.
        parameters: What its placeholders stand for, as the database's driver wants it.

    """
    engine: Any = BaseHook.get_connection(conn_id).get_hook().get_sqlalchemy_engine()
    # A list, which Airflow's own operators take, would mean many statements to SQLAlchemy.
    given = tuple(parameters) if isinstance(parameters, list) else parameters
    try:
        with closing(engine.connect()) as connection:
            streaming = connection.execution_options(stream_results=True, max_row_buffer=_PART, no_parameters=True)
            yield from streaming.exec_driver_sql(sql, given).mappings()
    finally:
        # Otherwise the connection would stay open for the whole leg.
        engine.dispose()


def prepare(destination: str | os.PathLike[str] | None) -> None:
    """Make the folder of a file that is to be written later, before anything is sent.

    Raises:
        AirflowFailException: Nothing can be written there.

    """
    if destination is None:
        return
    path = ObjectStoragePath(str(destination)) if "://" in str(destination) else Path(destination)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_folder = path.is_dir()
    except OSError as error:
        raise AirflowFailException(f"the rejects cannot be written to {destination}: {error}") from error
    if is_folder:
        raise AirflowFailException(f"the rejects cannot be written to {destination}: it is a folder")


def save(file: Path, destination: str) -> None:
    """Put a file where a path or URI says; a new one on this host may be read by its owner only."""
    if "://" in destination:
        ObjectStoragePath(destination).write_bytes(file.read_bytes())
        return
    with open(destination, "wb", opener=partial(os.open, mode=0o600)) as target:
        target.write(file.read_bytes())


def _copy(source: ObjectStoragePath, copy: Path) -> None:
    if source.is_dir():
        raise AirflowFailException(f"{source} is a folder: give the URI of one file, or a folder on the worker's host")
    with source.open("rb") as reader, copy.open("wb") as writer:
        while part := reader.read(1 << 20):
            writer.write(part)


def _spooled(data: Any, columns: Sequence[str | int], folder: Path) -> Path:
    """Write rows to a file, as little changed as can be."""
    if hasattr(data, "collect_schema") and hasattr(data, "collect"):
        data = data.collect()
    file = folder / "rows.parquet"
    wanted = {str(column).strip() for column in columns}
    if hasattr(data, "write_parquet"):  # polars
        data.select([name for name in data.columns if name.strip() in wanted]).write_parquet(file)
        return file
    if is_frame(data):
        table = _arrow_table(data, wanted)
        if table is not None:
            from pyarrow import parquet

            parquet.write_table(table, file)
            return file
        # pandas without pyarrow
        names = [str(name) for name in data.columns]
        data = (dict(zip(names, row, strict=True)) for row in data.itertuples(index=False, name=None))
    file = folder / "rows.ndjson"
    with file.open("w", encoding="utf-8") as writer:
        for number, row in enumerate(data, 1):
            values = {column: _json(value) for column, value in _values(row, columns, number)}
            if number == 1:
                # Should a column be misspelt, the plan tells the names in the first row.
                values = {**dict.fromkeys(_names(row)), **values}
            writer.write(json.dumps(values) + "\n")
    return file


def _arrow_table(frame: Any, wanted: set[str]) -> Any:
    """Take a frame as a table of pyarrow, where that is installed."""
    try:
        import pyarrow as pa
    except ImportError:
        return None
    if hasattr(frame, "to_table"):  # a dataset
        return frame.to_table(columns=[name for name in frame.schema.names if name.strip() in wanted])
    if hasattr(frame, "iloc"):  # pandas
        selected = frame.loc[:, [str(name).strip() in wanted for name in frame.columns]]
        named = selected.set_axis([str(name) for name in selected.columns], axis=1)
        return pa.Table.from_pandas(named, preserve_index=False)
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    return pa.Table.from_batches([pa.record_batch(frame)])


def _values(row: Any, columns: Sequence[str | int], number: int) -> Iterator[tuple[str, Any]]:
    """Take the values of a row in those columns that it has."""
    for column in columns:
        name = str(column)
        if hasattr(row, "keys"):
            key = column if column in row else name
            if key in row:
                yield name, row[key]
        elif isinstance(row, (tuple, list)) and isinstance(column, str) and hasattr(row, "_fields"):
            if hasattr(row, column):
                yield name, getattr(row, column)
        elif isinstance(row, (tuple, list)) and name.isdecimal():
            if int(name) < len(row):
                yield name, row[int(name)]
        else:
            raise AirflowFailException(
                f"row {number} is {type(row).__name__}: "
                f"give mappings with the column {column!r}, or tuples and its position"
            )


def _names(row: Any) -> list[str]:
    names = row.keys() if hasattr(row, "keys") else getattr(row, "_fields", range(len(row)))
    return [str(name) for name in names]


def _json(value: Any) -> Any:
    """Write a value as JSON has it; what has no text stays something that is refused as no text."""
    # Frames write a missing value as one that is not equal to itself.
    is_missing = isinstance(value, float) and isnan(value)
    if is_missing or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if value is None or isinstance(value, (bool, int, float)):
        # JSON has no infinity.
        return {"float": str(value)} if isinstance(value, float) and isinf(value) else value
    if isinstance(value, str):
        # Half of a character has no form in UTF-8; the mark of that is refused.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_json(item) for item in value]
    dimensions = getattr(value, "ndim", None)
    if dimensions in {0, 1}:  # of numpy
        return _json(value.tolist())
    return {type(value).__name__: str(value)}
