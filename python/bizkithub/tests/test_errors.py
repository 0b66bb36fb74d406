from __future__ import annotations

import copy
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pytest

import bizkithub as bk
from bizkithub import _native, errors

CLASSES = [
    bk.InvalidInputError,
    bk.ApiKeyError,
    bk.PermissionDeniedError,
    bk.RejectedError,
    bk.QuotaError,
    bk.ServerError,
    bk.NetworkError,
    bk.LedgerError,
    bk.InternalError,
]


def test_each_kind_has_a_class_under_one_root() -> None:
    kinds = ["invalid_input", "api_key", "permission", "rejected", "quota", "server", "network", "ledger", "internal"]
    assert [cls.kind for cls in CLASSES] == kinds
    assert set(CLASSES) == set(bk.BizKitHubError.__subclasses__())


def provoke(sandbox: bk.Sandbox, kind: str) -> bk.BizKitHubError:
    answers: dict[str, dict[str, Any]] = {
        "api_key": {"status": 404, "code": "PUBLIC_API_KEY_HAS_BEEN_DELETED"},
        "permission": {"status": 401, "code": "PERMISSION_MEMBER_HAS_NO_PERMISSION"},
        "rejected": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"},
        "quota": {"status": 429, "code": "RATE_LIMIT_EXCEEDED", "retry_after_seconds": 3600},
        "server": {"status": 500},
    }
    if kind in answers:
        status: Any = {"status": answers[kind]}
        sandbox.add_fault({"effect": status})
    elif kind == "network":
        sandbox.add_fault({"effect": "reset_before_applying"})
    with sandbox.client(tries=1) as client:
        try:
            if kind == "ledger":
                with tempfile.TemporaryDirectory() as folder:
                    no_ledger = Path(folder, "customers.csv")
                    no_ledger.write_text("email\n", encoding="utf-8")
                    with sandbox.client(ledger=no_ledger) as other:
                        other.plan([], email="email", constant_groups=["vip"])
            if kind == "internal":
                _native.panic_for_tests(on_runtime=False)
            client.add_groups(email="" if kind == "invalid_input" else "jan@barasek.com", groups=["vip"])
        except bk.BizKitHubError as error:
            return error
    pytest.fail("nothing was raised")


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_errors_can_be_pickled_with_all_their_attributes(
    sandbox: bk.Sandbox, cls: type[bk.BizKitHubError], protocol: int
) -> None:
    error = provoke(sandbox, cls.kind)
    assert type(error) is cls
    assert error.kind == cls.kind
    for twin in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301
        assert type(twin) is cls
        assert (str(twin), repr(twin)) == (str(error), repr(error))
        assert vars(twin) == vars(error)


def test_the_attributes_tell_what_to_do(sandbox: bk.Sandbox) -> None:
    error = provoke(sandbox, "quota")
    assert (error.code, error.status, error.retry_after) == ("RATE_LIMIT_EXCEEDED", 429, 3600)
    assert error.retry_at is not None
    assert error.is_retryable
    assert error.attempts == 1
    assert error.doc_url == "https://docs.bizkithub.com/errors/RATE_LIMIT_EXCEEDED"
    assert str(error).startswith(error.message)


def test_an_error_made_by_hand_has_the_defaults() -> None:
    error = bk.QuotaError("my test double")
    assert (error.kind, error.code, error.retry_after, str(error)) == ("quota", None, None, "my test double")


def test_an_unknown_kind_is_the_root(sandbox: bk.Sandbox) -> None:
    values = vars(provoke(sandbox, "server")) | {"kind": "of_tomorrow"}
    assert type(errors.from_values("text", values)) is bk.BizKitHubError


@pytest.mark.parametrize("on_runtime", [False, True])
def test_a_panic_is_an_ordinary_exception(capfd: pytest.CaptureFixture[str], on_runtime: bool) -> None:
    with pytest.raises(bk.InternalError, match="a panic for tests") as caught:
        _native.panic_for_tests(on_runtime)
    assert (caught.value.kind, caught.value.code) == ("internal", "internal")
    assert "a panic for tests" in capfd.readouterr().err
