from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

import bizkithub as bk


def test_a_sandbox_holds_what_was_put(sandbox: bk.Sandbox) -> None:
    sandbox.client().add_groups(email="a@example.com", groups=["VIP"])
    assert sandbox.groups_of(email="a@example.com") == {"vip"}
    assert sandbox.groups_of(cu_ref_no="1cGIHvFoQDGLAbcA") == set()
    assert sandbox.customers() == [{"email": "a@example.com", "cu_ref_no": None, "groups": ["vip"]}]
    [request] = sandbox.requests()
    assert request["method"] == "POST"
    assert request["path"] == "/api/v1/customer/add-groups"
    assert request["groups"] == ["VIP"]
    assert request["status"] == 200
    assert request["closed_by_client"] is False


def test_options_have_pythons_names() -> None:
    with bk.Sandbox(
        seed=7,
        customer_policy="only_seeded",
        customers=[{"email": "a@example.com", "cu_ref_no": "1cGIHvFoQDGLAbcA", "groups": ["vip"]}],
        missing_customer_status=500,
        quota={"model": "fixed_block", "limit": 100, "block_seconds": 60},
        quota_signals=["x_rate_limit"],
        keys=[{"key": "DEV_Expired000000000000000000000", "state": "not_permitted"}],
        faults=[{"when": {"every_nth": 2}, "effect": {"status": {"status": 503, "retry_after_seconds": 0}}}],
        frozen_at="2026-11-23T12:00:00Z",
    ) as sandbox:
        assert sandbox.groups_of(cu_ref_no="1cGIHvFoQDGLAbcA") == {"vip"}
        with sandbox.client(tries=1) as client:
            with pytest.raises(bk.RejectedError) as caught:
                client.add_groups(email="b@example.com", groups=["vip"])
            assert (caught.value.status, caught.value.code) == (500, "INTERNAL_RESOURCE_NOT_FOUND")
            with pytest.raises(bk.ServerError):
                client.ping()
            assert client.ping().quota.limit == 100
        with bk.Client("DEV_Expired000000000000000000000", base_url=sandbox.url) as client:
            with pytest.raises(bk.PermissionDeniedError):
                client.add_groups(email="a@example.com", groups=["vip"])
        assert sandbox.requests()[0]["time"] == "2026-11-23T12:00:00Z"
        with bk.Sandbox(seed=7) as twin:
            assert twin.api_key == sandbox.api_key


BAD_OPTIONS: list[dict[str, Any]] = [
    {"colour": "green"},
    {"customer_policy": "some"},
    {"missing_customer_status": 200},
    {"customers": [{"email": "nobody"}]},
    {"port": "many"},
    {"host": "example.com"},
    {"faults": [{"effect": "explode"}]},
]


@pytest.mark.parametrize("options", BAD_OPTIONS, ids=str)
def test_a_bad_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(bk.InvalidInputError):
        bk.Sandbox(**options)


def test_a_bad_fault_is_refused(sandbox: bk.Sandbox) -> None:
    faults: list[Any] = [{"effect": {"status": {"status": 42}}}, {"effect": {"status": {"status": "teapot"}}}]
    for fault in faults:
        with pytest.raises(bk.InvalidInputError) as caught:
            sandbox.add_fault(fault)
        assert caught.value.code == "fault_invalid"


def test_waiting_for_a_request_ends_in_time(sandbox: bk.Sandbox) -> None:
    with pytest.raises(TimeoutError, match="customer"):
        sandbox.wait_for_request(customer="a@example.com", timeout=0.01)
    sandbox.client().add_groups(email="a@example.com", groups=["vip"])
    assert sandbox.wait_for_request(customer="a@example.com", timeout=0)["sequence"] == 1


def test_a_stopped_sandbox_remembers(sandbox: bk.Sandbox) -> None:
    sandbox.client().ping()
    assert repr(sandbox) == f"<Sandbox at {sandbox.url}, running>"
    sandbox.stop()
    sandbox.stop()
    assert repr(sandbox) == f"<Sandbox at {sandbox.url}, stopped>"
    assert len(sandbox.requests()) == 1


def test_it_is_a_real_server(sandbox: bk.Sandbox) -> None:
    with urllib.request.urlopen(f"{sandbox.url}/ping/v1?apiKey={sandbox.api_key}") as response:  # noqa: S310
        assert json.load(response) == {"success": True}
