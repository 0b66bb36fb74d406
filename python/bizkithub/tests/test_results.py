from __future__ import annotations

import copy
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import bizkithub as bk
from bizkithub._json import camel, dump, load, moment, snake
from bizkithub._lazy_list import LazySequence

QUOTA = bk.Quota(limit=10, remaining=3, resets_at=None, window=60.0, retry_after=None)
GROUP = bk.BillGroup(text="VIP", slug="vip", customers=2, is_new=True, resembles=None)
RESULTS: list[Any] = [
    QUOTA,
    bk.Receipt(attempts=1, request_id=None, quota=QUOTA),
    GROUP,
    bk.BillTime(seconds=0.06, limit=1000, window_seconds=60.0),
    bk.Bill(
        rows=1,
        customers=1,
        requests=1,
        assignments=1,
        skipped=0,
        skipped_assignments=0,
        rejected=0,
        rejected_by_code={},
        groups=(GROUP,),
        time=None,
    ),
    bk.QuotaPoint(seconds=0.1, requests_sent=1, quota_left=999, is_waiting=False),
    bk.RowOutcome(row=1, outcome="applied", error=None),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_results_are_values(result: Any) -> None:
    for twin in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):  # noqa: S301
        assert twin == result
        assert hash(twin) == hash(result)
    first = result._fields[0]
    assert repr(result).startswith(f"{type(result).__name__}({first}=")
    with pytest.raises(AttributeError, match="frozen"):
        setattr(result, first, None)
    with pytest.raises(AttributeError, match="frozen"):
        delattr(result, first)
    assert result != object()


def test_a_result_takes_exactly_its_fields() -> None:
    for fields in ({}, {"attempts": 1}, {"attempts": 1, "quota": QUOTA, "more": 1}):
        with pytest.raises(TypeError, match="Receipt takes exactly attempts, request_id, quota"):
            bk.Receipt(**fields)
    with pytest.raises(TypeError):
        bk.Receipt(1, None, QUOTA)  # type: ignore[call-arg]


def test_a_result_can_be_matched() -> None:
    match bk.Receipt(attempts=2, request_id=None, quota=QUOTA):
        case bk.Receipt(attempts=attempts, quota=bk.Quota(limit=limit)):
            assert (attempts, limit) == (2, 10)


def test_a_report_is_compared_by_identity_and_not_pickled(client: bk.Client) -> None:
    plan = client.plan([], email="email", constant_groups=["vip"])
    report, again = plan.run(), plan.run()
    assert report != again
    assert len({report, again}) == 2
    assert repr(report).startswith("<Report of 0 rows: nothing to do; 0 requests in ")
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(report)


def test_a_lazy_list_makes_only_what_is_asked_for() -> None:
    made: list[int] = []

    def make(index: int) -> int:
        made.append(index)
        return index

    items = LazySequence(10_000_000, make)
    assert (items[3], items[-1], items[5:7]) == (3, 9_999_999, [5, 6])
    assert repr(items) == "<10,000,000 items: [0, 1, 2, ...]>"
    assert len(made) < 10
    assert repr(LazySequence(1, str)) == "<1 items: ['0']>"
    assert list(LazySequence(3, str)) == ["0", "1", "2"]
    with pytest.raises(IndexError):
        items[10_000_000]


@pytest.mark.parametrize(
    ("written", "name"), [("cuRefNo", "cu_ref_no"), ("email", "email"), ("retryAfterSeconds", "retry_after_seconds")]
)
def test_names_are_pythons_here_and_camels_there(written: str, name: str) -> None:
    assert snake(written) == name
    assert camel(name) == written
    assert camel(written) == written


def test_codes_and_a_users_own_texts_are_no_names() -> None:
    assert load('{"rejectedByCode": {"SANDBOX_X": 1}, "code": "INTERNAL_X"}') == {
        "rejected_by_code": {"SANDBOX_X": 1},
        "code": "INTERNAL_X",
    }
    fault = {"when": {"cu_ref_no": "a_b"}, "effect": "never_answer", "code": "a_b"}
    assert dump(fault) == '{"when": {"cuRefNo": "a_b"}, "effect": "neverAnswer", "code": "a_b"}'


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("2026-11-23T10:07:30Z", 0), ("2026-11-23T10:07:30.5Z", 500_000), ("2026-11-23T10:07:30.123456789Z", 123_456)],
)
def test_moments_are_read_to_the_microsecond(text: str, microsecond: int) -> None:
    expected = datetime(2026, 11, 23, 10, 7, 30, microsecond, tzinfo=timezone.utc)
    assert moment(text) == expected
    assert moment(text).utcoffset() == timedelta()
