"""Spans and metrics arrive at a collector of OpenTelemetry; what they hold, the core's tests decode."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

import pytest
from scripted_server import Answer, ScriptedServer

import bizkithub as bk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATHS = {"/v1/traces", "/v1/metrics"}


@pytest.fixture
def collector() -> Iterator[ScriptedServer]:
    with ScriptedServer() as collector:
        collector.answer = Answer(body=b"")
        yield collector


def arrived(collector: ScriptedServer, path: str) -> str:
    return "".join(request.body for request in collector.requests if request.target == path)


def test_closing_exports_what_is_left(
    sandbox: bk.Sandbox, collector: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "nightly-import")
    with bk.Client(sandbox.api_key, base_url=sandbox.url, otlp_endpoint=collector.url) as client:
        client.plan([{"email": "jan@barasek.com"}], email="email", constant_groups=["vip"]).run()
    assert {request.target for request in collector.requests} == PATHS
    spans, metrics = (arrived(collector, path) for path in sorted(PATHS, reverse=True))
    for name in ("bizkithub run", "POST /api/v1/customer/add-groups", "http.response.status_code", "nightly-import"):
        assert name in spans
    for name in ("http.client.request.duration", "bizkithub.rows", "applied", "nightly-import"):
        assert name in metrics
    for secret in (sandbox.api_key, "apiKey", "barasek"):
        assert secret not in spans + metrics


def test_an_async_client_exports_beside_its_loop(
    sandbox: bk.Sandbox, collector: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIZKITHUB_OTLP_ENDPOINT", collector.url)

    async def main() -> None:
        async with sandbox.async_client() as client:
            await client.ping()

    asyncio.run(main())
    assert "GET /ping/v1" in arrived(collector, "/v1/traces")


def test_a_collector_that_refuses_is_told_of_in_the_log(
    sandbox: bk.Sandbox, collector: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    collector.answer = Answer(400, body=b"")
    caplog.set_level(logging.WARNING, "bizkithub")
    with bk.Client(sandbox.api_key, base_url=sandbox.url, otlp_endpoint=collector.url) as client:
        client.ping()
    [record] = caplog.records
    assert "it answers HTTP 400" in record.getMessage()
    assert vars(caplog.records[-1])["bizkithub"]["name"] == "telemetry.lost"
    assert caplog.records[-1].levelno == logging.WARNING


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(bk.InvalidInputError) as refused:
        bk.Client("DEV_0123456789abcdefghijABCDEFGH", otlp_endpoint="localhost:4318")
    assert refused.value.code == "otlp_endpoint_invalid"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_exports_too(collector: ScriptedServer, check_python: Callable[[str], str]) -> None:
    check_python(
        f"""
        import os
        import bizkithub as bk
        with bk.Sandbox() as sandbox:
            client = bk.Client(sandbox.api_key, base_url=sandbox.url, otlp_endpoint={collector.url!r})
            client.ping()
            child = os.fork()
            if child == 0:
                client.add_groups(email="jan@barasek.com", groups=["vip"])
                client.close()
                os._exit(0)
            os.waitpid(child, 0)
        """
    )
    assert "POST /api/v1/customer/add-groups" in arrived(collector, "/v1/traces")
