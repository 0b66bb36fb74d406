"""What is refused with a clear error before anything is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import bizkithub as bk

if TYPE_CHECKING:
    from pathlib import Path

CALLS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "an e-mail without @": ({"email": "jan.barasek.com"}, "email_invalid", "email"),
    "an e-mail with a line break": ({"email": "jan@bar\nasek.com"}, "email_invalid", "email"),
    "an e-mail of 400 characters": ({"email": "j" * 388 + "@barasek.com"}, "email_too_long", "email"),
    "neither e-mail nor cuRefNo": ({}, "customer_missing", "customer"),
    "a blank e-mail": ({"email": "  "}, "customer_missing", "customer"),
    "a cuRefNo of 15 characters": ({"cu_ref_no": "1cGIHvFoQDGLAbc"}, "cu_ref_no_invalid", "cu_ref_no"),
    "a cuRefNo with a hyphen": ({"cu_ref_no": "1cGIHvFo-DGLAbcA"}, "cu_ref_no_invalid", "cu_ref_no"),
    "no groups": ({"email": "jan@barasek.com", "groups": []}, "groups_missing", "groups"),
    "an empty group": ({"email": "jan@barasek.com", "groups": ["vip", " "]}, "group_empty", "groups"),
    "a group of emoji only": ({"email": "jan@barasek.com", "groups": ["🎉🎉"]}, "group_without_slug", "groups"),
    "one text for groups": ({"email": "jan@barasek.com", "groups": "vip"}, "text_list_expected", "groups"),
    "bytes for groups": ({"email": "jan@barasek.com", "groups": b"vip"}, "text_list_expected", "groups"),
    "a number for groups": ({"email": "jan@barasek.com", "groups": 5}, "text_list_expected", "groups"),
    "a number among the groups": ({"email": "jan@barasek.com", "groups": ["vip", 5]}, "text_expected", "groups"),
    "a number for an e-mail": ({"email": 5}, "text_expected", "email"),
    "half of a character": ({"email": "jan\ud800@barasek.com"}, "text_broken", "email"),
}


@pytest.mark.parametrize("case", CALLS)
def test_a_call_is_refused(sandbox: bk.Sandbox, case: str) -> None:
    arguments, code, field = CALLS[case]
    arguments = {"groups": ["vip"], **arguments}

    async def call() -> None:
        async with sandbox.async_client() as client:
            await client.add_groups(**arguments)

    with sandbox.client() as client, pytest.raises(bk.InvalidInputError) as caught:
        client.add_groups(**arguments)
    with pytest.raises(bk.InvalidInputError) as caught_async:
        asyncio.run(call())
    for error in (caught.value, caught_async.value):
        assert (error.kind, error.code, error.field, error.attempts) == ("invalid_input", code, field, 0)
        assert error.advice
        assert str(error).startswith(error.message)
        assert isinstance(error, ValueError)
    assert sandbox.requests() == []


def test_spaces_around_an_e_mail_are_trimmed(sandbox: bk.Sandbox, client: bk.Client) -> None:
    client.add_groups(email="  jan@barasek.com ", groups=["vip"])
    assert [customer["email"] for customer in sandbox.customers()] == ["jan@barasek.com"]


def test_ten_thousand_groups_on_one_customer_are_accepted(sandbox: bk.Sandbox, client: bk.Client) -> None:
    client.add_groups(email="jan@barasek.com", groups=[f"group-{number}" for number in range(10_000)])
    assert len(sandbox.groups_of(email="jan@barasek.com")) == 10_000


KEY = "DEV_BadInput00000000000000000000"
SETTINGS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no key": ({"api_key": None}, "api_key_missing", "api_key"),
    "an empty key": ({"api_key": ""}, "api_key_missing", "api_key"),
    "a key with a space": ({"api_key": "DEV_BadInput 0000000000000000000"}, "api_key_invalid", "api_key"),
    "a key of 31 characters": ({"api_key": KEY[:-1]}, "api_key_invalid", "api_key"),
    "the sample key": ({"api_key": "PRODPGrFxpGEtrOZfuWhnoJohUYBXuOE"}, "api_key_sample", "api_key"),
    "a key that is bytes": ({"api_key": KEY.encode()}, "text_expected", None),
    "http to another machine": ({"base_url": "http://api.bizkithub.com"}, "base_url_insecure", "base_url"),
    "no URL": ({"base_url": "api.bizkithub.com"}, "base_url_invalid", "base_url"),
    "an unknown placement": ({"key_placement": "header"}, "setting_invalid", None),
    "a negative time": ({"timeout": -1.0}, "setting_invalid", None),
    "a time that is no number": ({"connect_timeout": float("nan")}, "setting_invalid", None),
    "an endless deadline": ({"deadline": float("inf")}, "setting_invalid", None),
    "no try": ({"tries": 0}, "setting_invalid", None),
    "a negative number of tries": ({"tries": -1}, "setting_invalid", None),
    "a missing CA file": ({"ca_file": "/nowhere/ca.pem"}, "ca_file_unreadable", "ca_file"),
    "a proxy that is none": ({"proxy": "::"}, "proxy_invalid", "proxy"),
}


@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("make", [bk.Client, bk.AsyncClient])
def test_a_setting_is_refused(make: Any, case: str) -> None:
    settings, code, field = SETTINGS[case]
    with pytest.raises(bk.InvalidInputError) as caught:
        make(**{"api_key": KEY, **settings})
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.advice


FILES: dict[str, tuple[bytes, str, int | None]] = {
    "without the column": (b"mail,segment\na@example.com,vip\n", "column_missing", None),
    "a ragged line": (b"email,segment\na@example.com,vip\nb@example.com\n", "csv_ragged", 3),
    "a NUL": (b"email,segment\na@example.com,v\0ip\n", "csv_nul", 2),
    "not UTF-8": (b"email,segment\na@example.com,pr\xedzen\n", "csv_not_utf8", 2),
    "empty": (b"", "csv_empty", None),
}


@pytest.mark.parametrize("case", FILES)
def test_a_broken_file_is_refused(sandbox: bk.Sandbox, tmp_path: Path, case: str) -> None:
    content, code, line = FILES[case]
    path = tmp_path / "customers.csv"
    path.write_bytes(content)

    async def plan() -> None:
        async with sandbox.async_client() as client:
            await client.plan(path, email="email", groups="segment")

    with sandbox.client() as client, pytest.raises(bk.InvalidInputError) as caught:
        client.plan(str(path), email="email", groups="segment")
    with pytest.raises(bk.InvalidInputError) as caught_async:
        asyncio.run(plan())
    for error in (caught.value, caught_async.value):
        assert (error.code, error.line) == (code, line)
    if code == "column_missing":
        assert "mail, segment" in str(caught.value)
    assert sandbox.requests() == []


def test_a_missing_file_and_a_directory_are_refused(client: bk.Client, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(bk.InvalidInputError) as caught:
            client.plan(path, email="email", groups="segment")
        assert caught.value.code == "file_unreadable"


DATA: dict[str, tuple[dict[str, Any], str]] = {
    "a number": ({"data": 5}, "rows_expected"),
    "a mapping": ({"data": {"email": "a@example.com"}}, "rows_expected"),
    "rows that are texts": ({"data": ["a@example.com"]}, "rows_expected"),
    "rows that are lists": ({"data": [["a@example.com", "vip"]]}, "column_missing"),
    "no column of customers": ({"data": [{}], "email": None}, "column_missing"),
    "a misspelt column": ({"data": [{"mail": "a@example.com", "segment": "vip"}]}, "column_missing"),
    "one text for all rows": ({"data": [], "constant_groups": "vip"}, "text_list_expected"),
    "a group for all rows that is none": ({"data": [], "constant_groups": ["🎉"]}, "group_without_slug"),
    "a delimiter of two characters": ({"data": "x.csv", "delimiter": ";;"}, "delimiter_invalid"),
    "a column that is a list": ({"data": [], "groups": ["segment"]}, "text_expected"),
}


@pytest.mark.parametrize("case", DATA)
def test_data_that_is_no_table_is_refused(client: bk.Client, case: str) -> None:
    arguments, code = DATA[case]
    with pytest.raises(bk.InvalidInputError) as caught:
        client.plan(**{"email": "email", "groups": "segment", **arguments})
    assert caught.value.code == code
    if code == "rows_expected":
        assert "a data frame, or an iterable of dicts" in str(caught.value)
    if case == "a misspelt column":
        assert "mail, segment" in str(caught.value)


@pytest.mark.parametrize("settings", [{"concurrency": 0}, {"concurrency": -1}, {"on_quota": "wiat"}])
def test_a_run_without_sense_is_refused(sandbox: bk.Sandbox, client: bk.Client, settings: Any) -> None:
    plan = client.plan([{"email": "a@example.com"}], email="email", constant_groups=["vip"])
    with pytest.raises(bk.InvalidInputError) as caught:
        plan.run(**settings)
    assert caught.value.code == "setting_invalid"
    assert sandbox.requests() == []
