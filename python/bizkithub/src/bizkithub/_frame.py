"""Data frames, of whatever library, as Arrow data with no other columns than a plan reads.

A column that Arrow cannot carry, such as one of mixed objects, must not keep the others from being read.
"""

from __future__ import annotations

from bizkithub import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
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

    _Library: TypeAlias = tuple[Callable[[Any], list[str]], Callable[[Any, list[int]], Any]]
    Frame: TypeAlias = ArrowStreamExportable | ArrowArrayExportable | LazyFrame | Dataset


def is_frame(data: object) -> TypeIs[Frame]:
    """Whether a plan's data is a frame."""
    return _library(data) in _LIBRARIES or any(
        hasattr(data, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")
    )


def rows_of(frame: Any, settings: _native.PlanSettings) -> _native.ArrowRows | list[dict[str, Any]]:
    """Take the rows of a frame, as Arrow data with no other columns than a plan reads.

    Where Arrow data are to be had only with another library that is not installed, take the rows one by one.
    """
    library = _LIBRARIES.get(_library(frame))
    if library is not None:
        names, select = library
        frame = select(frame, settings.places(names(frame)))
    try:
        return _native.ArrowRows(frame)
    except ImportError:
        if _library(frame) != ("pandas", "DataFrame"):
            raise
        rows: list[dict[str, Any]] = frame.to_dict("records")
        return rows


def _library(frame: object) -> tuple[str, str]:
    kind = type(frame)
    return kind.__module__.partition(".")[0], kind.__name__


def _of_pandas(frame: Any, places: list[int]) -> Any:
    # The index is no column that a plan reads.
    selected = frame.iloc[:, places].reset_index(drop=True)
    return selected.set_axis([str(name) for name in selected.columns], axis="columns")


def _of_dataset(dataset: Any, places: list[int]) -> Any:
    return dataset.scanner(columns=[dataset.schema.names[place] for place in places]).to_reader()


def _of_duckdb(relation: Any, places: list[int]) -> Any:
    return relation.project(", ".join('"{}"'.format(relation.columns[place].replace('"', '""')) for place in places))


def _of_query(query: Any, places: list[int]) -> Any:
    names = query.collect_schema().names()
    return query.select([names[place] for place in places]).collect()


_PYARROW: _Library = (lambda table: table.schema.names, lambda table, places: table.select(places))
_DATASET: _Library = (lambda dataset: dataset.schema.names, _of_dataset)
_DUCKDB: _Library = (lambda relation: relation.columns, _of_duckdb)
_LIBRARIES: dict[tuple[str, str], _Library] = {
    ("pandas", "DataFrame"): (lambda frame: [str(name) for name in frame.columns], _of_pandas),
    ("polars", "DataFrame"): (lambda frame: frame.columns, lambda frame, places: frame[:, places]),
    ("polars", "LazyFrame"): (lambda query: query.collect_schema().names(), _of_query),
    ("pyarrow", "Table"): _PYARROW,
    ("pyarrow", "RecordBatch"): _PYARROW,
    ("pyarrow", "FileSystemDataset"): _DATASET,
    ("pyarrow", "InMemoryDataset"): _DATASET,
    ("pyarrow", "UnionDataset"): _DATASET,
    ("duckdb", "DuckDBPyRelation"): _DUCKDB,
    ("_duckdb", "DuckDBPyRelation"): _DUCKDB,
}
