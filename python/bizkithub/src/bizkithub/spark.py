"""Spark, for tables that one machine does not hold. Needs the extra `spark`: `pip install "bizkithub[spark]"`.

The quota belongs to a key, so that more senders send no faster. What outgrows one machine, from some hundred million
rows on, is the preparation: `prepare` validates and merges the rows with all of a cluster, and one sender sends what is
left of them, wherever it runs. What it sent comes back by `sent`, and is left out the next time.

    prepare(rows, email="email", groups="segment", sent=spark.read.parquet("sent")).write.parquet("prepared-1")
    # One sender: the command, the client or the Airflow operator.
    report = client.plan("prepared-1", email="email", cu_ref_no="cu_ref_no", groups="groups").run()
    report.write_outcomes("outcomes-1.ndjson")
    # Back in Spark.
    sent(spark, "prepared-1", "outcomes-1.ndjson").write.mode("append").parquet("sent")

For smaller tables, `df.write.format("bizkithub")` does all of it at once: see `BizKitHubDataSource`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - as every user of Spark calls it
from pyspark.sql import types as T  # noqa: N812

from bizkithub import _native
from bizkithub._spark_writer import BizKitHubDataSource

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

__all__ = ["BizKitHubDataSource", "check", "prepare", "register", "sent"]

_COLUMNS = ("email", "cu_ref_no", "groups")
_TEXTS = T.ArrayType(T.StringType())
_STATUS = T.StructType(
    [
        T.StructField("customer", T.StringType()),
        T.StructField("email", T.StringType()),
        T.StructField("cu_ref_no", T.StringType()),
        T.StructField("groups", _TEXTS),
        T.StructField("slugs", _TEXTS),
        T.StructField("code", T.StringType()),
        T.StructField("reason", T.StringType()),
    ]
)


def check(
    rows: DataFrame,
    *,
    email: str | None = None,
    cu_ref_no: str | None = None,
    groups: str | None = None,
    constant_groups: Iterable[str] = (),
    allow_groups: Iterable[str] | None = None,
) -> DataFrame:
    """Validate every row, by the same rules as everywhere. Nothing is sent, and as always in Spark nothing is done yet.

    Args:
        rows: Any data frame.
        email: The column of e-mail addresses.
        cu_ref_no: The column of customer reference numbers. At least one of the two columns is required.
        groups: The column of groups: texts separated by `;` or `|`, or arrays of texts.
        constant_groups: Groups for all rows, before those of the row.
        allow_groups: When given, rows with any other group are refused, compared by predicted slug.

    Returns:
        The rows with one more column, the structure `bizkithub`: `customer` (the same text for all rows of one
        customer), `email`, `cu_ref_no`, `groups` and `slugs` of a valid row, `code` and `reason` of a refused one.

    Raises:
        InvalidInputError: A column is missing, or a group for all rows is not allowed.

    """
    _native.check_new_column("bizkithub", rows.columns)
    settings = _settings(email, cu_ref_no, groups, constant_groups, allow_groups)
    _try_on_driver(rows, settings)
    schema = T.StructType([*rows.schema.fields, T.StructField("bizkithub", _STATUS)])
    return rows.mapInArrow(_checker(settings), schema)


def prepare(
    rows: DataFrame,
    *,
    email: str | None = None,
    cu_ref_no: str | None = None,
    groups: str | None = None,
    constant_groups: Iterable[str] = (),
    allow_groups: Iterable[str] | None = None,
    sent: DataFrame | None = None,
) -> DataFrame:
    """Prepare what is to be sent: valid rows, merged into one of each customer, less what was sent.

    Rows that are refused are left out: `check` tells them.

    This is data frame code without side effects: using the result twice computes it twice and sends nothing. To be
    written as Parquet, because the sender numbers the rows of what it reads.

    Args:
        rows: Any data frame.
        email: The column of e-mail addresses.
        cu_ref_no: The column of customer reference numbers. At least one of the two columns is required.
        groups: The column of groups: texts separated by `;` or `|`, or arrays of texts.
        constant_groups: Groups for all rows, before those of the row.
        allow_groups: When given, rows with any other group are refused, compared by predicted slug.
        sent: What was sent: the columns `customer` and `slug`, as the function `sent` makes them.

    Returns:
        One row of each customer: `customer`, `email`, `cu_ref_no`, `groups` and their predicted `slugs`.

    Raises:
        InvalidInputError: A column is missing, or a group for all rows is not allowed.

    """
    settings = _settings(email, cu_ref_no, groups, constant_groups, allow_groups)
    _try_on_driver(rows, settings)
    # By names of their own, so that no name of the table is in the way.
    named = [
        F.col(_quoted(_written(rows, name))).alias(column)
        for column, name in (("email", email), ("cu_ref_no", cu_ref_no), ("groups", groups))
        if name is not None
    ]
    settings.update({column: column for column in _COLUMNS if settings[column] is not None})
    checked = rows.select(*named).mapInArrow(
        _checker(settings, drops_rows=True), T.StructType([T.StructField("bizkithub", _STATUS)])
    )
    pairs = (
        checked.where("bizkithub.code IS NULL")
        .select("bizkithub.*")
        .select("customer", "email", "cu_ref_no", F.explode(F.arrays_zip("slugs", "groups")).alias("pair"))
        .select("customer", "email", "cu_ref_no", "pair.slugs", "pair.groups", F.lit(False).alias("is_sent"))
        .toDF("customer", "email", "cu_ref_no", "slug", "group", "is_sent")
    )
    if sent is not None:
        absent = F.lit(None).cast("string")
        known = sent.select("customer", absent, absent, "slug", absent, F.lit(True)).toDF(*pairs.columns)
        # Cheaper than a join: rows and what was sent meet in the only shuffle, on which both merges go on.
        pairs = pairs.unionAll(known)
    open_pairs = (
        pairs.repartition("customer")
        .groupBy("customer", "slug")
        .agg(*(F.min(name).alias(name) for name in ("email", "cu_ref_no", "group")), F.max("is_sent").alias("is_sent"))
        .where("NOT is_sent")
    )
    merged = open_pairs.groupBy("customer").agg(
        F.min("email").alias("email"),
        F.min("cu_ref_no").alias("cu_ref_no"),
        F.sort_array(F.collect_list(F.struct("slug", "group"))).alias("pairs"),
    )
    return merged.select(
        "customer",
        "email",
        "cu_ref_no",
        _member("pairs", "group").alias("groups"),
        _member("pairs", "slug").alias("slugs"),
    )


def sent(spark: SparkSession, prepared: str, outcomes: str | os.PathLike[str]) -> DataFrame:
    """Tell what was sent, to be left out the next time.

    Args:
        spark: The session.
        prepared: The folder of Parquet files that `prepare` was written to, and that the sender has read. Give each run
            a folder of its own: outcomes name rows by number only, and those of another run would be taken for these.
        outcomes: The file of outcomes that the sender has written, as `.ndjson`, `.jsonl` or `.csv`.

    Returns:
        One row of each customer and slug that is applied or was skipped: `customer` and `slug`.

    Raises:
        ValueError: The outcomes are not one of each row of the folder.

    """
    written = spark.read.parquet(prepared).select(
        "customer", "slugs", F.col("_metadata.file_name").alias("file"), F.col("_metadata.row_index").alias("place")
    )
    # The sender reads file after file in the order of their names.
    offsets, before = [], 0
    for file, rows in sorted(tuple(row) for row in written.groupBy("file").count().collect()):
        offsets.append((file, before))
        before += rows
    numbered = written.join(F.broadcast(spark.createDataFrame(offsets, "file string, before long")), "file").select(
        "customer", "slugs", (F.col("before") + F.col("place") + 1).alias("row")
    )
    path = str(outcomes)
    reader = spark.read.schema("row long, outcome string")
    if path.lower().endswith(".csv"):
        results = reader.csv(path, header=True)
    elif path.lower().endswith((".ndjson", ".jsonl")):
        results = reader.json(path)
    else:
        raise ValueError(f"the name of {path} tells no format: outcomes end with .csv, .ndjson or .jsonl")
    found = results.agg(F.count("row"), F.min("row"), F.max("row")).first()
    if found is None or tuple(found) != (before, 1 if before else None, before or None):
        raise ValueError(
            f"{path} does not hold the outcomes of {prepared}, which has {before} rows: it is of another run or broken"
        )
    settled = results.where(F.col("outcome").isin("applied", "skipped"))
    return numbered.join(settled, "row").select("customer", F.explode("slugs").alias("slug"))


def register(spark: SparkSession) -> None:
    """Let `df.write.format("bizkithub")` be known in a session: see `BizKitHubDataSource`."""
    spark.dataSource.register(BizKitHubDataSource)


def _member(array: str, name: str) -> Column:
    return F.transform(array, lambda item: item[name])


def _settings(
    email: str | None,
    cu_ref_no: str | None,
    groups: str | None,
    constant_groups: Iterable[str],
    allow_groups: Iterable[str] | None,
) -> dict[str, Any]:
    return {
        "email": email,
        "cu_ref_no": cu_ref_no,
        "groups": groups,
        "constant_groups": _kept(constant_groups),
        "allow_groups": None if allow_groups is None else _kept(allow_groups),
    }


def _kept(groups: Iterable[str]) -> Iterable[str]:
    """Keep groups for the tasks; one text, whose letters nobody means, is left to be refused."""
    return groups if isinstance(groups, str) else tuple(groups)


def _native_settings(settings: dict[str, Any]) -> _native.PlanSettings:
    return _native.PlanSettings(**settings, resend=False, resend_after=None, retry_rejected=False, begun_at=None)


def _try_on_driver(rows: DataFrame, settings: dict[str, Any]) -> None:
    """Tell at once what is wrong with the columns or the groups, which a task would tell in its own words."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_type

    native = _native_settings(settings)
    names = [rows.columns[place] for place in native.places(rows.columns)]
    types = {field.name: field.dataType for field in rows.schema.fields}
    schema = pa.schema([(name, to_arrow_type(types[name])) for name in names])
    _native.Plan.check_arrow(_native.ArrowRows(schema.empty_table()), native)


def _written(rows: DataFrame, name: str) -> str:
    """Find a column as the table writes it: blanks around its name do not matter."""
    written: str = next(column for column in rows.columns if column.strip() == name.strip())
    return written


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _checker(
    settings: dict[str, Any], *, drops_rows: bool = False
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def check_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        native = _native_settings(settings)
        for batch in batches:
            before = 0
            for checked in pa.RecordBatchReader.from_stream(_Checked(batch, native)):
                part = batch.slice(before, checked.num_rows)
                before += checked.num_rows
                status = pa.StructArray.from_arrays(checked.columns, names=checked.schema.names)
                kept = [] if drops_rows else part.columns
                names = [] if drops_rows else part.schema.names
                yield pa.RecordBatch.from_arrays([*kept, status], names=[*names, "bizkithub"])

    return check_batches


class _Checked:
    """The status of each row of a batch, as Arrow data."""

    def __init__(self, batch: pa.RecordBatch, settings: _native.PlanSettings) -> None:
        self._batch = batch
        self._settings = settings

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return _native.Plan.check_arrow(_native.ArrowRows(self._batch), self._settings)
