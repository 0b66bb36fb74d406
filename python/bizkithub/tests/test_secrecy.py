"""The API key is nowhere."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from typing import Any

import pytest

import bizkithub as bk


def traces(error: BaseException) -> str:
    """All that a log, a crash reporter or a pickle could show of an error."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    # The frames of this file hold the key on purpose.
    for frame in trace.stack:
        if frame.filename == __file__:
            frame.locals = None
    pickled = pickle.dumps(error).decode("latin-1")
    return "\n".join([repr(error), str(error), repr(vars(error)), *trace.format(), pickled])


@pytest.mark.parametrize("make", [bk.Client, bk.AsyncClient])
@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("DEV_Secret 0000000000000000000000", "Secret"),
        ("DEV_Secret000000000000000000000000000", "Secret"),
        (b"DEV_Secret0000000000000000000000", "Secret"),
        ("DEV_Secret\ud80000000000000000000000", "Secret"),
    ],
)
def test_a_refused_key_is_not_shown(make: Any, key: Any, secret: str) -> None:
    with pytest.raises(bk.InvalidInputError) as caught:
        make(key)
    assert secret not in traces(caught.value)


@pytest.mark.parametrize("make", [bk.Client, bk.AsyncClient])
def test_a_key_beside_another_bad_setting_is_not_shown(make: Any) -> None:
    key = "DEV_Secret0000000000000000000000"
    settings: list[dict[str, Any]] = [
        {"base_url": "ftp://example.com"},
        {"timeout": "soon"},
        {"proxy": "http://user:Secret@", "base_url": "https://example.com"},
        {"tries": -1},
    ]
    for setting in settings:
        with pytest.raises((bk.InvalidInputError, TypeError, OverflowError)) as caught:
            make(key, **setting)
        assert "Secret" not in traces(caught.value)


EFFECTS: list[Any] = [
    {"status": {"status": 404, "code": "PUBLIC_API_KEY_DOES_NOT_EXIST"}},
    {"status": {"status": 503}},
    {"redirect_to": "http://127.0.0.1:1/"},
    "reset_before_applying",
    "html_body",
    "success_false",
    "never_answer",
]


@pytest.mark.parametrize("placement", ["query", "body", "bearer"])
@pytest.mark.parametrize("effect", EFFECTS, ids=str)
def test_the_error_of_a_call_does_not_show_the_key(sandbox: bk.Sandbox, effect: Any, placement: Any) -> None:
    sandbox.add_fault({"effect": effect})
    settings: dict[str, Any] = {"tries": 1, "timeout": 0.05, "key_placement": placement}
    client, async_client = sandbox.client(**settings), sandbox.async_client(**settings)
    with pytest.raises(bk.BizKitHubError) as caught:
        client.add_groups(email="jan@barasek.com", groups=["vip"])
    with pytest.raises(bk.BizKitHubError) as caught_async:
        asyncio.run(async_client.add_groups(email="jan@barasek.com", groups=["vip"]))
    shown = traces(caught.value) + traces(caught_async.value)
    assert sandbox.api_key not in shown
    assert sandbox.api_key[4:] not in shown


def test_no_object_shows_the_key(sandbox: bk.Sandbox, client: bk.Client) -> None:
    plan = client.plan([{"email": "jan@barasek.com"}], email="email", constant_groups=["vip"])
    report = plan.run()
    objects = [
        client,
        sandbox.async_client(),
        sandbox,
        plan,
        plan.bill,
        report,
        report.outcomes,
        vars(client),
        vars(plan),
    ]
    shown = "".join(f"{thing!r}{thing}{vars(thing) if hasattr(thing, '__dict__') else ''}" for thing in objects)
    assert sandbox.api_key not in shown
    assert sandbox.api_key not in str(sandbox.requests())


@pytest.mark.parametrize("make", [bk.Client, bk.AsyncClient])
def test_a_client_cannot_be_pickled(make: Any) -> None:
    with pytest.raises(TypeError, match="holds an API key"):
        pickle.dumps(make("DEV_Secret0000000000000000000000"))
