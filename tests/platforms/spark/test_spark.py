"""The real Spark, in local mode with two workers: what it prepares, and that nothing of it sends twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bizkithub as bk
import bizkithub.spark
import pytest
from pyspark.errors import AnalysisException, PythonException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame

VECTORS = Path(__file__).parents[2] / "vectors"


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    # The virtual machine writes to what standard error is when it starts.
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        spark = (
            SparkSession.builder.master("local[2,3]")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.memory", os.environ.get("BIZKITHUB_SPARK_MEMORY", "4g"))
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.log.level", "OFF")
            .config("spark.sql.shuffle.partitions", "16")
            .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
            .getOrCreate()
        )
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
    bizkithub.spark.register(spark)
    yield spark
    spark.stop()


@pytest.fixture
def sandbox() -> Iterator[bk.Sandbox]:
    with bk.Sandbox() as sandbox:
        yield sandbox


def sent(sandbox: bk.Sandbox) -> Counter[str]:
    return Counter(request["customer"] or "" for request in sandbox.requests() if request["status"] == 200)


def rows_of(spark: SparkSession, customers: int = 40) -> DataFrame:
    """Two rows of each customer, in many partitions."""
    number = (F.col("id") % customers).cast("string")
    segment = F.when(F.col("id") < customers, "VIP").otherwise("vip; Newsletter")
    rows = spark.range(2 * customers, numPartitions=4)
    return rows.select(F.concat(F.lit("user"), number, F.lit("@example.com")).alias("email"), segment.alias("segment"))


def test_rows_are_checked_by_the_same_rules_as_everywhere(spark: SparkSession) -> None:
    cases = json.loads((VECTORS / "emails.json").read_text(encoding="utf-8"))["cases"]
    cases = [case for case in cases if isinstance(case["input"], str)]
    texts = [(number, case["input"]) for number, case in enumerate(cases)]
    rows = spark.createDataFrame(texts, "number long, email string")
    checked = bizkithub.spark.check(rows, email="email", constant_groups=["vip"]).orderBy("number").collect()
    found = [(row["bizkithub"]["customer"], row["bizkithub"]["code"]) for row in checked]
    # What is blank counts as absent in a table.
    expected = [
        (case.get("identity"), case["error"]["code"] if case["input"].strip() else "customer_missing")
        if "error" in case
        else (case["identity"], None)
        for case in cases
    ]
    assert found == expected
    assert 10 < sum(code is None for _, code in found) < len(found) - 10


def test_rows_become_one_of_each_customer_less_what_was_sent(spark: SparkSession) -> None:
    rows = [
        ("Jan@Example.com", None, "VIP;Summer sale"),
        ("jan@example.com", None, "vip"),
        ("nobody", None, "vip"),
        ("eva@example.com", "1cGIHvFoQDGLAbcA", "vip"),
        ("eva@example.com", "1cGIHvFoQDGLAbcA", "news"),
    ]
    frame = spark.createDataFrame(rows, "mail string, number string, `the groups` string")
    columns: dict[str, Any] = {"email": "mail", "cu_ref_no": "number", "groups": "the groups"}
    prepared = bizkithub.spark.prepare(frame, **columns, constant_groups=["all"])
    found = {
        row["customer"]: (row["email"], row["cu_ref_no"], row["groups"], row["slugs"]) for row in prepared.collect()
    }
    assert found == {
        "jan@example.com": ("Jan@Example.com", None, ["all", "Summer sale", "VIP"], ["all", "summer-sale", "vip"]),
        "1cGIHvFoQDGLAbcA": ("eva@example.com", "1cGIHvFoQDGLAbcA", ["all", "news", "vip"], ["all", "news", "vip"]),
    }
    known = spark.createDataFrame(
        [("jan@example.com", slug) for slug in ("all", "vip", "summer-sale")] + [("1cGIHvFoQDGLAbcA", "all")],
        "customer string, slug string",
    )
    [row] = bizkithub.spark.prepare(frame, **columns, constant_groups=["all"], sent=known).collect()
    assert (row["customer"], row["slugs"]) == ("1cGIHvFoQDGLAbcA", ["news", "vip"])


def test_columns_are_checked_before_any_task(spark: SparkSession) -> None:
    with pytest.raises(bk.InvalidInputError, match="the columns are: email, segment"):
        bizkithub.spark.prepare(rows_of(spark), email="mail", groups="segment")
    with pytest.raises(bk.InvalidInputError) as caught:
        bizkithub.spark.check(rows_of(spark), email="email", constant_groups=["vip"], allow_groups=["news"])
    assert caught.value.code == "group_not_allowed"
    with pytest.raises(bk.InvalidInputError):
        bizkithub.spark.check(rows_of(spark), email="email", constant_groups="vip")
    structures = rows_of(spark).select("email", F.array(F.struct("segment")).alias("segment"))
    with pytest.raises(bk.InvalidInputError, match="column_type_unsupported"):
        bizkithub.spark.check(structures, email="email", groups="segment")
    with pytest.raises(bk.InvalidInputError, match="there is a column `bizkithub` already") as caught:
        bizkithub.spark.check(rows_of(spark).withColumn("BizKitHub", F.lit(1)), email="email", groups="segment")
    assert caught.value.code == "column_taken"


def test_names_of_columns_may_be_anything(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("jan@barasek.com", "vip")], "a string, b string").toDF(" e`m.x ", "bizkithub")
    [row] = bizkithub.spark.prepare(frame, email="e`m.x", groups="bizkithub").collect()
    assert (row["customer"], row["slugs"]) == ("jan@barasek.com", ["vip"])


def test_what_is_prepared_is_sent_by_one_and_left_out_the_next_time(
    spark: SparkSession, sandbox: bk.Sandbox, tmp_path: Path
) -> None:
    folder, outcomes, record = (str(tmp_path / name) for name in ("prepared", "outcomes.ndjson", "sent"))
    rows = rows_of(spark).repartition(3)
    prepared = bizkithub.spark.prepare(rows, email="email", groups="segment")
    assert (prepared.count(), prepared.count()) == (40, 40)
    assert sandbox.requests() == [], "a lazy plan sends nothing, however often it is used"
    prepared.repartition(3).write.parquet(folder)

    sandbox.add_fault(
        {
            "when": {"email": "user7@example.com"},
            "effect": {"status": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"}},
        }
    )
    with sandbox.client() as client:
        plan = client.plan(folder, email="email", cu_ref_no="cu_ref_no", groups="groups")
        assert (plan.bill.rows, plan.bill.requests) == (40, 40)
        plan.run().write_outcomes(outcomes)
    assert sandbox.groups_of(email="user3@example.com") == {"vip", "newsletter"}

    bizkithub.spark.sent(spark, folder, outcomes).write.mode("append").parquet(record)
    other = str(tmp_path / "other")
    bizkithub.spark.prepare(rows.limit(3), email="email", groups="segment").write.parquet(other)
    with pytest.raises(ValueError, match="it is of another run or broken"):
        bizkithub.spark.sent(spark, other, outcomes)
    with pytest.raises(ValueError, match="tells no format"):
        bizkithub.spark.sent(spark, folder, folder)
    known = spark.read.parquet(record)
    assert known.count() == 2 * 39
    again = bizkithub.spark.prepare(rows, email="email", groups="segment", sent=known)
    assert [row["customer"] for row in again.collect()] == ["user7@example.com"]


def save(rows: DataFrame, sandbox: bk.Sandbox, folder: Path, **options: str) -> None:
    key = folder / "key"
    key.write_text(sandbox.api_key + "\n", encoding="utf-8")
    settings = {
        "email": "email",
        "groups": "segment",
        "ledger_url": str(folder / "groups.ledger"),
        "base_url": sandbox.url,
        "api_key_file": str(key),
        **options,
    }
    rows.write.format("bizkithub").options(**settings).mode("append").save()


def failing_once(rows: DataFrame) -> DataFrame:
    def fail(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        yield from batches
        context = TaskContext.get()
        if context is not None and context.partitionId() == 1 and context.attemptNumber() == 0:
            os._exit(1)

    return rows.mapInArrow(fail, rows.schema)


def test_a_sink_sends_each_customer_once_although_a_task_is_tried_again(
    spark: SparkSession, sandbox: bk.Sandbox, tmp_path: Path
) -> None:
    outcomes = tmp_path / "outcomes.csv"
    save(failing_once(rows_of(spark)), sandbox, tmp_path, outcomes=str(outcomes))
    assert sent(sandbox) == Counter(f"user{number}@example.com" for number in range(40))
    assert sandbox.groups_of(email="user3@example.com") == {"vip", "newsletter"}
    assert len(outcomes.read_text(encoding="utf-8").splitlines()) == 81
    save(rows_of(spark), sandbox, tmp_path)
    assert len(sandbox.requests()) == 40, "the ledger knows all of them"


def test_a_sink_that_breaks_off_goes_on_where_it_was(spark: SparkSession, sandbox: bk.Sandbox, tmp_path: Path) -> None:
    sandbox.add_fault({"when": {"email": "user9@example.com"}, "effect": {"status": {"status": 503}}})
    with pytest.raises(AnalysisException, match="write again"):
        save(rows_of(spark), sandbox, tmp_path)
    sandbox.clear_faults()
    save(rows_of(spark), sandbox, tmp_path)
    assert sent(sandbox) == Counter(f"user{number}@example.com" for number in range(40))


def test_a_sink_of_which_a_row_is_refused_sends_nothing(
    spark: SparkSession, sandbox: bk.Sandbox, tmp_path: Path
) -> None:
    rows = rows_of(spark).union(spark.createDataFrame([("nobody", "vip")], "email string, segment string"))
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(AnalysisException, match="nothing was sent: 1 rows are rejected") as caught:
        save(rows, sandbox, tmp_path, rejects=str(rejects))
    assert sandbox.api_key not in str(caught.value)
    assert sandbox.requests() == []
    assert rejects.read_text(encoding="utf-8").splitlines()[1].startswith("nobody,vip,")
    save(rows, sandbox, tmp_path, on_rejects="warn")
    assert len(sandbox.customers()) == 40


def test_what_the_server_refused_does_not_stop_the_next_write(
    spark: SparkSession, sandbox: bk.Sandbox, tmp_path: Path
) -> None:
    refused: Any = {"status": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"}}
    sandbox.add_fault({"when": {"email": "user9@example.com"}, "effect": refused})
    for customers in (40, 41):
        with pytest.raises(AnalysisException, match="all other rows are settled"):
            save(rows_of(spark, customers), sandbox, tmp_path)
    assert len(sandbox.customers()) == 40
    sandbox.clear_faults()
    groups = {"constant_groups": "all;|", "allow_groups": "all|vip;news;newsletter"}
    save(rows_of(spark, 41), sandbox, tmp_path, retry_rejected="true", **groups)
    assert len(sandbox.customers()) == 41
    assert sandbox.groups_of(email="user9@example.com") == {"all", "vip", "newsletter"}


def test_a_sink_whose_task_fails_for_good_sends_nothing(
    spark: SparkSession, sandbox: bk.Sandbox, tmp_path: Path
) -> None:
    rows = rows_of(spark)

    def fail(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from batches
        raise RuntimeError("a broken row")

    with pytest.raises(PythonException, match="a broken row"):
        save(rows.mapInArrow(fail, rows.schema), sandbox, tmp_path)
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("options", "mode", "text"),
    [
        ({"email": "email", "ledger_url": "x"}, "overwrite", "never taken away"),
        ({"email": "email"}, "append", "ledger_url or ledger_url_file is missing"),
        ({"email": "mail", "groups": "segment", "ledger_url": "x"}, "append", "the columns are: email, segment"),
        (
            {"email": "email", "ledger_url": "x", "api_key_file": "/nowhere/key", "groups": "segment"},
            "append",
            "/nowhere/key",
        ),
        ({"email": "email", "ledger_url": "x", "rejects": "/nowhere/rejects.csv"}, "append", "there is no folder"),
        ({"email": "email", "ledger_url": "x", "outcomes": "/tmp/outcomes.txt"}, "append", "outcomes_format_unknown"),
        ({"email": "email", "ledger_url": "x"}, "append", "groups_missing"),
        ({"e_mail": "email", "ledger_url": "x"}, "append", "unknown options: e_mail"),
        ({"email": "email", "ledger_url": "x", "on_rejects": "ignore"}, "append", "on_rejects is"),
    ],
)
def test_a_sink_checks_its_options_before_any_task(
    spark: SparkSession, options: dict[str, str], mode: str, text: str
) -> None:
    with pytest.raises(AnalysisException, match=text):
        rows_of(spark).write.format("bizkithub").options(**options).mode(mode).save()


def test_what_the_documentation_shows_runs(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs" / "spark.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```py(?:thon)?\n(.*?)```", page, re.DOTALL) if "pyspark" in block]
    assert len(blocks) == 2
    # A ledger belongs to one address.
    program = "\n".join(blocks).replace("/tmp/groups.ledger", str(tmp_path / "groups.ledger"))
    (tmp_path / "customers.csv").write_text("email,segment\njan@barasek.com,VIP;news\nnobody,VIP\n", encoding="utf-8")
    settings = ("spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1", "spark.ui.enabled=false")
    environment = {
        **os.environ,
        "BIZKITHUB_BASE_URL": sandbox.url,
        "BIZKITHUB_API_KEY": sandbox.api_key,
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"--master local[2] {' '.join(f'--conf {it}' for it in settings)} pyspark-shell",
    }
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "email_invalid" in ran.stdout
    assert sent(sandbox) == Counter({"jan@barasek.com": 1}), "the ledger knew it when the sink came"


def test_many_rows_are_prepared(spark: SparkSession, tmp_path: Path) -> None:
    """As many as `BIZKITHUB_SPARK_ROWS` says; every count is checked against what a plan of the same rows says."""
    import time

    count = int(os.environ.get("BIZKITHUB_SPARK_ROWS", "200000"))
    customers = count * 11 // 30
    number = F.abs(F.hash("id", F.lit(7))) % customers
    rows = spark.range(count).select(
        F.concat(F.lit("user"), number, F.when(F.col("id") % 1000 == 0, "").otherwise("@example.com")).alias("email"),
        F.concat(F.lit("group "), F.abs(F.hash("id", F.lit(9))) % 20).alias("segment"),
    )
    rows.write.parquet(str(tmp_path / "rows"))
    begin = time.perf_counter()
    read = spark.read.parquet(str(tmp_path / "rows"))
    bizkithub.spark.prepare(read, email="email", groups="segment").write.parquet(str(tmp_path / "prepared"))
    seconds = time.perf_counter() - begin
    with bk.Client("DEV_0123456789abcdefghijklmnopqr", base_url="http://127.0.0.1:1") as client:
        merged = client.plan(tmp_path / "prepared", email="email", groups="groups").bill
        direct = client.plan(tmp_path / "rows", email="email", groups="segment").bill
    assert merged.rejected == 0
    assert direct.rejected > 0
    assert (merged.rows, merged.customers, merged.assignments) == (
        direct.customers,
        direct.customers,
        direct.assignments,
    )
    print(f"\n{count:,} rows of {merged.customers:,} customers prepared in {seconds:.1f} s")
