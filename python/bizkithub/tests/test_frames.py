"""Data frames of the real libraries, as rows and as outcomes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pytest

import bizkithub as bk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EMAILS = ["a@example.com", "nobody", "A@example.com", None, "b@example.com"]
SEGMENTS = ["vip; sale", "vip", "wholesale", "vip", "vip"]
COLUMNS: dict[str, Any] = {"email": "email", "groups": "segment"}
# A column that Arrow cannot carry must not keep the others from being read.
MIXED: list[object] = [1, "two", {3}, None, object()]


def table() -> Any:
    return pa.table({"segment": SEGMENTS, "email": EMAILS, "note": [1, 2, 3, 4, 5]})


def batches() -> Iterator[Any]:
    yield from table().to_batches(max_chunksize=2)


FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame({"email": EMAILS, "note": MIXED, "segment": SEGMENTS}),
    "pandas with objects": lambda: pd.DataFrame(
        {"email": pd.Series(EMAILS, dtype=object), "segment": pd.Series(SEGMENTS, dtype=object)}
    ),
    "pandas with categories": lambda: pd.DataFrame({"email": EMAILS, "segment": pd.Series(SEGMENTS, dtype="category")}),
    "polars": lambda: pl.DataFrame({"email": EMAILS, "segment": SEGMENTS, "note": pl.Series(MIXED, dtype=pl.Object)}),
    "polars with lists": lambda: pl.DataFrame(
        {"email": EMAILS, "segment": [[part.strip() for part in segment.split(";")] for segment in SEGMENTS]}
    ),
    "polars with categories": lambda: pl.DataFrame(
        {"email": EMAILS, "segment": pl.Series(SEGMENTS, dtype=pl.Categorical)}
    ),
    "a polars query": lambda: pl.LazyFrame({"email": EMAILS, "segment": SEGMENTS}).with_columns(note=1),
    "a pyarrow table": table,
    "a pyarrow record batch": lambda: table().to_batches()[0],
    "a pyarrow reader": lambda: pa.RecordBatchReader.from_batches(table().schema, batches()),
    "a pyarrow dataset": lambda: pads.dataset(table()),
    "a duckdb relation": lambda: duckdb.sql(
        "select unnest($1) as email, unnest($2) as segment, 1::hugeint as note", params=[EMAILS, SEGMENTS]
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_every_frame_is_planned_alike(sandbox: bk.Sandbox, client: bk.Client, name: str) -> None:
    plan = client.plan(FRAMES[name](), **COLUMNS)
    bill = plan.bill
    assert (bill.rows, bill.customers, bill.requests, bill.rejected) == (5, 2, 2, 2)
    assert [(error.row, error.code) for error in plan.refusals] == [(2, "email_invalid"), (4, "customer_missing")]
    assert plan.run().applied == 3
    assert sandbox.groups_of(email="a@example.com") == {"vip", "sale", "wholesale"}


async def _plan(client: bk.AsyncClient, data: Any) -> bk.Bill:
    async with client:
        return (await client.plan(data, **COLUMNS)).bill


@pytest.mark.parametrize("name", ["pandas", "polars", "a pyarrow reader"])
def test_an_event_loop_plans_frames_too(sandbox: bk.Sandbox, name: str) -> None:
    import asyncio

    bill = asyncio.run(_plan(sandbox.async_client(), FRAMES[name]()))
    assert (bill.rows, bill.requests) == (5, 2)


def test_numbers_of_customers_arrive_with_and_without_gaps(client: bk.Client) -> None:
    numbers = [1234567890123456, None, 1234567890123457]
    for frame in (
        pd.DataFrame({"id": numbers}),
        pd.DataFrame({"id": numbers[::2]}),
        pl.DataFrame({"id": numbers}),
        pa.table({"id": pa.array(numbers).dictionary_encode()}),
    ):
        plan = client.plan(frame, cu_ref_no="id", constant_groups=["vip"])
        assert plan.bill.requests == 2, frame
    [refusal, *_] = client.plan(pl.DataFrame({"id": [0.5]}), cu_ref_no="id", constant_groups=["vip"]).refusals
    assert (refusal.code, refusal.row, refusal.field) == ("value_not_text", 1, "cu_ref_no")


@pytest.mark.parametrize("name", FRAMES)
def test_a_wrong_column_is_told_with_those_that_there_are(client: bk.Client, name: str) -> None:
    with pytest.raises(bk.InvalidInputError) as caught:
        client.plan(FRAMES[name](), email="mail", groups="segment")
    assert caught.value.code == "column_missing"
    assert "segment" in (caught.value.advice or "")
    assert "email" in (caught.value.advice or "")


def test_what_is_no_table_of_texts_is_refused_with_the_reason(client: bk.Client) -> None:
    moments = pd.DataFrame({"email": EMAILS, "segment": pd.to_datetime(["2026-11-24"] * 5)})
    with pytest.raises(bk.InvalidInputError, match=r"segment.*Timestamp") as caught:
        client.plan(moments, **COLUMNS)
    assert (caught.value.code, caught.value.field) == ("column_type_unsupported", "groups")
    with pytest.raises(bk.InvalidInputError) as caught:
        client.plan(pl.Series("email", EMAILS), **COLUMNS)
    assert caught.value.code == "data_unreadable"
    assert caught.value.__cause__ is not None
    reader = pa.RecordBatchReader.from_batches(table().schema, batches())
    client.plan(reader, **COLUMNS)
    assert client.plan(pa.table({"email": [], "segment": []}), **COLUMNS).bill.rows == 0


def test_a_source_that_breaks_off_is_told_and_its_words_stay_out(client: bk.Client) -> None:
    def broken() -> Iterator[Any]:
        yield from batches()
        raise ValueError("jan@example.com")

    with pytest.raises(bk.InvalidInputError) as caught:
        client.plan(pa.RecordBatchReader.from_batches(table().schema, broken()), **COLUMNS)
    assert caught.value.code == "data_unreadable"
    assert "jan@example.com" not in str(caught.value)


def test_names_are_found_as_in_files_and_an_index_is_no_column(client: bk.Client) -> None:
    indexed = pd.DataFrame({"segment": ["vip"]}, index=pd.Index(["a@example.com"], name="email"))
    with pytest.raises(bk.InvalidInputError, match="no column") as caught:
        client.plan(indexed, **COLUMNS)
    assert caught.value.code == "column_missing"
    mixed = pd.DataFrame({"email": ["a@example.com"], "segment": ["vip"]}, index=pd.Index([(1, "x")]))
    numbered = pd.DataFrame([["a@example.com", "vip"]])
    spaced = {"email ": ["a@example.com"], " segment": ["vip"]}
    bills = [
        client.plan(mixed, **COLUMNS).bill,
        client.plan(numbered, email="0", groups="1").bill,
        client.plan(indexed.reset_index(), **COLUMNS).bill,
        client.plan(pd.DataFrame(spaced), **COLUMNS).bill,
        client.plan(pl.DataFrame(spaced), **COLUMNS).bill,
        client.plan(pl.LazyFrame(spaced), **COLUMNS).bill,
        client.plan(pa.table(spaced), **COLUMNS).bill,
        client.plan(pads.dataset(pa.table(spaced)), **COLUMNS).bill,
    ]
    assert [(bill.rows, bill.requests) for bill in bills] == [(1, 1)] * len(bills)
    twice = pd.DataFrame([["a@example.com", "b@example.com", "vip"]], columns=["email", "email", "segment"])
    with pytest.raises(bk.InvalidInputError) as caught:
        client.plan(twice, **COLUMNS)
    assert caught.value.code == "column_ambiguous"


@pytest.mark.parametrize(("dtype", "largest"), [("float16", 2**11), ("float32", 2**24), ("float64", 2**53)])
def test_numbers_whose_digits_may_be_lost_are_refused(client: bk.Client, dtype: str, largest: int) -> None:
    # Groups may be numbers of any length.
    frame = pl.DataFrame(
        {"email": EMAILS[::4], "segment": pl.Series([largest - 1.0, float(largest)], dtype=pl.Float64)}
    )
    narrow = pa.table(frame).cast(pa.schema([("email", pa.string()), ("segment", getattr(pa, dtype)())]), safe=False)
    plan = client.plan(narrow, **COLUMNS)
    assert [group.text for group in plan.bill.groups] == [str(largest - 1)]
    assert [(error.row, error.code) for error in plan.refusals] == [(2, "value_not_text")]


def test_one_large_batch_is_read_by_two_threads_as_by_one(client: bk.Client) -> None:
    count = 300_000
    emails = [f"user{number % 70_000}@Example.com" if number % 1_000 else "nobody" for number in range(count)]
    frame = pl.DataFrame({"email": emails, "segment": [f"g{number % 3}" for number in range(count)]}).rechunk()
    large = client.plan(frame, **COLUMNS)
    small = client.plan(pa.table(frame).to_reader(max_chunksize=1_000), **COLUMNS)
    assert (large.bill, list(large.refusals)[-1].row) == (small.bill, list(small.refusals)[-1].row)
    assert (large.bill.rows, large.bill.rejected) == (count, count // 1_000)


def test_ctrl_c_ends_the_reading_and_the_process_ends_well(run_python: Callable[[str], Any]) -> None:
    process = run_python(
        """
        import itertools, sys
        import pyarrow as pa
        import bizkithub as bk
        batch = pa.record_batch({"email": ["a@example.com"] * 1000, "segment": ["vip"] * 1000})
        def endless():
            for number in itertools.count():
                if number == 10:
                    print("reading", flush=True)
                yield batch
        client = bk.Client("DEV_0123456789abcdefghijABCDEFGH", base_url="http://127.0.0.1:1")
        try:
            client.plan(pa.RecordBatchReader.from_batches(batch.schema, endless()), email="email", groups="segment")
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    )
    assert process.stdout.readline() == "reading\n"
    process.send_signal(signal.SIGINT)
    printed, complaints = process.communicate(timeout=30)
    assert (process.returncode, printed, complaints) == (0, "interrupted\n", "")


def test_outcomes_are_a_table(client: bk.Client) -> None:
    outcomes = client.plan(table(), **COLUMNS).run().outcomes
    expected = {
        "row": [1, 2, 3, 4, 5],
        "outcome": ["applied", "rejected", "applied", "rejected", "applied"],
        "kind": [None, "invalid_input", None, "invalid_input", None],
        "code": [None, "email_invalid", None, "customer_missing", None],
    }
    reasons = [None if row.error is None else row.error.message for row in outcomes]
    assert pa.table(outcomes).to_pydict() == {**expected, "reason": reasons}
    assert pl.DataFrame(outcomes).drop("reason").to_dict(as_series=False) == expected
    # Of pandas since version 3; before, pyarrow stands in between.
    from_arrow = getattr(pd.DataFrame, "from_arrow", lambda data: pa.table(data).to_pandas())
    assert from_arrow(outcomes)["outcome"].tolist() == expected["outcome"]
    applied = duckdb.sql("select count(*) from outcomes where outcome = 'applied'")
    assert applied is not None
    assert applied.fetchall() == [(3,)]


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_parquet_and_ndjson_files_are_read_and_their_rejects_are_an_input_again(
    client: bk.Client, tmp_path: Path, compression: str
) -> None:
    import pyarrow.parquet as papq

    paths = [tmp_path / "customers.parquet", tmp_path / "customers.ndjson"]
    papq.write_table(table(), paths[0], compression=compression)
    pl.DataFrame(table()).write_ndjson(paths[1])
    for path in paths:
        report = client.plan(path, **COLUMNS).run()
        assert (report.applied, report.rejected) == (3, 2)
        rejects = tmp_path / "rejects.csv"
        assert report.write_rejects(rejects) == 2
        lines = rejects.read_text("utf-8").splitlines()
        assert lines[0] == "email,segment,row,kind,code,reason"
        assert lines[1].startswith("nobody,vip,2,invalid_input,email_invalid,")
        assert client.plan(rejects, **COLUMNS).bill.rejected_by_code == {"customer_missing": 1, "email_invalid": 1}


def test_what_was_refused_is_refused_again_when_its_rejects_come_back_uncorrected(
    client: bk.Client, tmp_path: Path
) -> None:
    path, rejects = tmp_path / "customers.ndjson", tmp_path / "rejects.csv"
    groups = ["true", '[{"k": 1}, "vip"]', '[null, "vip"]', "0.5", "1e17", "[]"]
    path.write_text("".join(f'{{"email": "a@example.com", "segment": {group}}}\n' for group in groups), "utf-8")
    report = client.plan(path, **COLUMNS).run()
    assert (report.rejected, report.write_rejects(rejects)) == (len(groups), len(groups))
    assert client.plan(rejects, **COLUMNS).bill.rejected == len(groups)


def test_pandas_without_pyarrow_is_read_row_by_row(check_python: Callable[[str], str]) -> None:
    printed = check_python(
        """
        import sys
        sys.modules["pyarrow"] = None
        import pandas as pd
        import bizkithub as bk
        frame = pd.DataFrame({"email": ["a@example.com", "nobody"], "segment": ["vip", "vip"], "note": [1, 2]})
        client = bk.Client("DEV_0123456789abcdefghijABCDEFGH", base_url="http://127.0.0.1:1")
        bill = client.plan(frame, email="email", groups="segment").bill
        print(bill.rows, bill.requests, bill.rejected)
        """
    )
    assert printed == "2 1 1\n"
