"""Data frames, of whatever library, as Arrow data with no other columns than a plan reads.

A column that Arrow cannot carry, such as one of mixed objects, must not keep the others from being read.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol, TypeAlias

    from typing_extensions import TypeIs

    class ArrowStreamExportable(Protocol):
        """Anything that exports a stream of Arrow data: frames and tables of most libraries."""

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            """Export the data.

            See https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.
            """

    class ArrowArrayExportable(Protocol):
        """Anything that exports one record batch of Arrow data."""

        def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
            """Export the data.

            See https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.
            """

    class LazyFrame(Protocol):
        """A query of polars that has not been run."""

        def collect_schema(self) -> Any:
            """Resolve the columns."""

        def collect(self) -> Any:
            """Run the query."""

    class Dataset(Protocol):
        """A dataset of pyarrow."""

        def scanner(self, *, columns: list[str]) -> Any:
            """Scan some columns."""

    Frame: TypeAlias = ArrowStreamExportable | ArrowArrayExportable | LazyFrame | Dataset


def is_frame(data: object) -> TypeIs[Frame]:
    """Whether a plan's data is a frame."""
    names = ("__arrow_c_stream__", "__arrow_c_array__")
    return any(hasattr(data, name) for name in names) or _selector(data) is not None


def narrowed(frame: Any, columns: Sequence[str | None]) -> Any:
    """Leave no other columns in a frame than the named ones, and export Arrow data.

    Where one of them is missing, return an empty frame with the columns that there are, for the error to list.
    """
    select = _selector(frame)
    return frame if select is None else select(frame, [name for name in dict.fromkeys(columns) if name is not None])


def _selector(frame: object) -> Callable[[Any, list[str]], Any] | None:
    kind = type(frame)
    library = kind.__module__.partition(".")[0]
    return _SELECTORS.get((library, kind.__name__))


def _of_pandas(frame: Any, columns: list[str]) -> Any:
    return frame[columns] if all(name in frame.columns for name in columns) else frame.head(0)


def _of_polars(frame: Any, columns: list[str]) -> Any:
    return frame.select(columns) if set(columns) <= set(frame.columns) else frame.head(0)


def _of_polars_query(query: Any, columns: list[str]) -> Any:
    query = query.select(columns) if set(columns) <= set(query.collect_schema()) else query.head(0)
    return query.collect()


def _of_pyarrow(table: Any, columns: list[str]) -> Any:
    # A name that appears twice cannot be selected, and the error for it is told with all columns at hand.
    has_all = all(table.schema.names.count(name) == 1 for name in columns)
    return table.select(columns) if has_all else table.slice(0, 0)


def _of_dataset(dataset: Any, columns: list[str]) -> Any:
    has_all = all(dataset.schema.names.count(name) == 1 for name in columns)
    return dataset.scanner(columns=columns).to_reader() if has_all else dataset.schema.empty_table()


def _of_duckdb(relation: Any, columns: list[str]) -> Any:
    if not set(columns) <= set(relation.columns):
        return relation.limit(0)
    return relation.project(", ".join('"{}"'.format(name.replace('"', '""')) for name in columns))


_SELECTORS: dict[tuple[str, str], Callable[[Any, list[str]], Any]] = {
    ("pandas", "DataFrame"): _of_pandas,
    ("polars", "DataFrame"): _of_polars,
    ("polars", "LazyFrame"): _of_polars_query,
    ("pyarrow", "Table"): _of_pyarrow,
    ("pyarrow", "RecordBatch"): _of_pyarrow,
    ("pyarrow", "FileSystemDataset"): _of_dataset,
    ("pyarrow", "InMemoryDataset"): _of_dataset,
    ("pyarrow", "UnionDataset"): _of_dataset,
    ("duckdb", "DuckDBPyRelation"): _of_duckdb,
    ("_duckdb", "DuckDBPyRelation"): _of_duckdb,
}
