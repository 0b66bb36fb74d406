"""The shapes of a sandbox's options and of what it tells, for type checkers."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - a reader of the annotations needs it
from typing import Literal, TypeAlias, TypedDict


class _KeyRequired(TypedDict):
    key: str


class SandboxKey(_KeyRequired, total=False):
    """A key that the sandbox knows; `expires_after_seconds` counts on the sandbox's clock (default: never)."""

    state: Literal["active", "deleted", "inactive", "expired", "not_permitted"]
    expires_after_seconds: float


class SeededCustomer(TypedDict, total=False):
    """A customer that exists from the start; one of `email` and `cu_ref_no` is required."""

    email: str
    cu_ref_no: str
    groups: Sequence[str]


class _SlidingWindowRequired(TypedDict):
    model: Literal["sliding_window"]
    limit: int


class SlidingWindow(_SlidingWindowRequired, total=False):
    """So many requests in any stretch of the window (default: an hour); a burst is limited in any one second."""

    burst: int
    window_seconds: float


class _FixedBlockRequired(TypedDict):
    model: Literal["fixed_block"]
    limit: int


class FixedBlock(_FixedBlockRequired, total=False):
    """So many requests in each block of time (default: ten minutes)."""

    block_seconds: float


class _PerMinuteRequired(TypedDict):
    model: Literal["per_minute"]


class PerMinute(_PerMinuteRequired, total=False):
    """So many requests in each minute, by the kind of key (defaults: 500,000 and 1,000; a minute is 60 seconds)."""

    production: int
    development: int
    minute_seconds: float


class _StatusRequired(TypedDict):
    status: int


class FaultStatus(_StatusRequired, total=False):
    """A status from 200 to 599; with a code in the documented error body, without one in a gateway's HTML page."""

    code: str
    retry_after_seconds: int


class StatusEffect(TypedDict):
    """Answers with another status instead of applying."""

    status: FaultStatus


class LatencyEffect(TypedDict):
    """Waits on the sandbox's clock, then goes on as usual."""

    latency_seconds: float


class RedirectEffect(TypedDict):
    """Answers 307 with this address instead of applying."""

    redirect_to: str


FaultEffect: TypeAlias = (
    StatusEffect
    | LatencyEffect
    | RedirectEffect
    | Literal[
        "reset_before_applying",
        "reset_after_applying",
        "truncated_body",
        "html_body",
        "empty_body",
        "success_false",
        "oversized_body",
        "never_answer",
    ]
)


class EveryNth(TypedDict):
    """Each n-th request that the fault is asked about."""

    every_nth: int


class Probability(TypedDict):
    """Each request with a probability from 0 to 1, by the sandbox's seed."""

    probability: float


class OfEmail(TypedDict):
    """Requests that carry this e-mail address, in any spelling."""

    email: str


class OfCuRefNo(TypedDict):
    """Requests that carry this reference number."""

    cu_ref_no: str


Selector: TypeAlias = Literal["every_request"] | EveryNth | Probability | OfEmail | OfCuRefNo


class _FaultRequired(TypedDict):
    effect: FaultEffect


class Fault(_FaultRequired, total=False):
    """A misbehaviour on purpose: what, when (default: every request), and how often (default: without limit)."""

    when: Selector
    at_most: int


class SandboxOptions(TypedDict, total=False):
    """How a sandbox starts; everything may be left out."""

    host: str
    port: int
    seed: int
    keys: Sequence[SandboxKey]
    customer_policy: Literal["accept_every", "only_seeded"]
    customers: Sequence[SeededCustomer]
    missing_customer_status: int
    validation_status: int
    quota: SlidingWindow | FixedBlock | PerMinute
    quota_signals: Sequence[Literal["x_rate_limit", "retry_after", "rate_limit_fields", "body"]]
    faults: Sequence[Fault]
    frozen_at: str
    request_log_capacity: int


class SandboxRequest(TypedDict):
    """One request that reached the sandbox. It never holds a key."""

    sequence: int
    time: str
    connection: int
    http_version: str
    method: str
    path: str
    key_placement: str | None
    customer: str | None
    groups: list[str]
    status: int | None
    code: str | None
    fault: str | None
    closed_by_client: bool


class SandboxCustomer(TypedDict):
    """A customer as the sandbox holds it."""

    email: str | None
    cu_ref_no: str | None
    groups: list[str]
