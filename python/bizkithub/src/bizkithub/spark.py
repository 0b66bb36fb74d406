"""Spark, for tables that one machine does not hold. Needs the extra `spark`: `pip install "bizkithub[spark]"`.

The quota belongs to a key, so that more senders send no faster. What outgrows one machine, from some hundred million
rows on, is the preparation: `prepare` validates and merges the rows with all of a cluster, and one sender sends what is
left of them, wherever it runs. What it sent comes back by `sent`, and is left out the next time.

    prepare(rows, email="email", groups="segment", sent=spark.read.parquet("sent")).write.parquet("prepared")
    # One sender: the command, the client or the Airflow operator.
    report = client.plan("prepared", email="email", cu_ref_no="cu_ref_no", groups="groups").run()
    report.write_outcomes("outcomes.ndjson")
    # Back in Spark.
    sent(spark, "prepared", "outcomes.ndjson").write.mode("append").parquet("sent")

For smaller tables, `df.write.format("bizkithub")` does all of it at once: see `BizKitHubDataSource`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - as every user of Spark calls it
from pyspark.sql import types as T  # noqa: N812

from bizkithub import _native
from bizkithub._spark_writer import BizKitHubDataSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

__all__ = ["BizKitHubDataSource", "check", "prepare", "register", "sent"]

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
    settings = _checked(
        rows,
        email=email,
        cu_ref_no=cu_ref_no,
        groups=groups,
        constant_groups=tuple(constant_groups),
        allow_groups=None if allow_groups is None else tuple(allow_groups),
    )
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
    settings = _checked(
        rows,
        email=email,
        cu_ref_no=cu_ref_no,
        groups=groups,
        constant_groups=tuple(constant_groups),
        allow_groups=None if allow_groups is None else tuple(allow_groups),
    )
    named = [F.col(f"`{name}`") for name in dict.fromkeys((email, cu_ref_no, groups)) if name is not None]
    checked = check(rows.select(*named), **settings)
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


def sent(spark: SparkSession, prepared: str, outcomes: str) -> DataFrame:
    """Tell what was sent, to be left out the next time.

    Args:
        spark: The session.
        prepared: The folder of Parquet files that `prepare` was written to, and that the sender has read.
        outcomes: The file of outcomes that the sender has written, as `.ndjson`, `.jsonl` or `.csv`.

    Returns:
        One row of each customer and slug that is applied or was skipped: `customer` and `slug`.

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
    reader = spark.read.schema("row long, outcome string")
    results = reader.csv(outcomes, header=True) if outcomes.endswith(".csv") else reader.json(outcomes)
    settled = results.where(F.col("outcome").isin("applied", "skipped"))
    return numbered.join(settled, "row").select("customer", F.explode("slugs").alias("slug"))


def register(spark: SparkSession) -> None:
    """Let `df.write.format("bizkithub")` be known in a session: see `BizKitHubDataSource`."""
    spark.dataSource.register(BizKitHubDataSource)


def _member(array: str, name: str) -> Column:
    return F.transform(array, lambda item: item[name])


def _checked(rows: DataFrame, **settings: Any) -> dict[str, Any]:
    """Tell at once what is wrong with the columns or the groups, which a task would tell in its own words."""
    native = _settings(settings)
    _native.RowsInParts(native)
    native.places(rows.columns)
    return settings


def _settings(settings: dict[str, Any]) -> _native.PlanSettings:
    return _native.PlanSettings(**settings, resend=False, resend_after=None, retry_rejected=False, begun_at=None)


def _checker(settings: dict[str, Any]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def check_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        native = _settings(settings)
        for batch in batches:
            checked = pa.RecordBatchReader.from_stream(_Checked(batch, native)).read_all().combine_chunks()
            columns = [column.chunk(0) for column in checked.columns] if batch.num_rows else []
            if columns:
                status = pa.StructArray.from_arrays(columns, names=checked.schema.names)
                names = [*batch.schema.names, "bizkithub"]
                yield pa.RecordBatch.from_arrays([*batch.columns, status], names=names)

    return check_batches


class _Checked:
    """The status of each row of a batch, as Arrow data."""

    def __init__(self, batch: pa.RecordBatch, settings: _native.PlanSettings) -> None:
        self._batch = batch
        self._settings = settings

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return _native.Plan.check_arrow(_native.ArrowRows(self._batch), self._settings)
