"""The connection, its form, and the clients that the hook makes by it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bizkithub._airflow import AirflowException
from airflow_provider_bizkithub.hook import BizKitHubHook

if TYPE_CHECKING:
    from pathlib import Path

    import bizkithub as bk

KEY = "DEV_0123456789abcdefghijklmnopqr"


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Any:
    def define(name: str = "bizkithub_default", **connection: Any) -> None:
        settings = {"conn_type": "bizkithub", "password": KEY, **connection}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(settings))

    return define


@pytest.mark.parametrize(
    ("connection", "base_url"),
    [
        ({}, "https://api.bizkithub.com"),
        ({"host": "https://crm.example.com"}, "https://crm.example.com"),
        ({"host": "crm.example.com", "port": 8443}, "https://crm.example.com:8443"),
        ({"host": "127.0.0.1", "schema": "http", "port": 8080}, "http://127.0.0.1:8080"),
    ],
)
def test_the_host_is_the_base_url(define: Any, connection: dict[str, Any], base_url: str) -> None:
    define(**connection)
    with BizKitHubHook().get_conn() as client:
        assert client.base_url.rstrip("/") == base_url


def test_both_clients_work(connect: Any, sandbox: bk.Sandbox) -> None:
    connect(quota="1000/min")
    hook = BizKitHubHook()
    with hook.get_conn() as client:
        client.add_groups(email="a@example.com", groups=["vip"])

    async def main() -> None:
        async with hook.get_async_conn() as client:
            await client.add_groups(email="b@example.com", groups=["vip"])

    asyncio.run(main())
    assert len(sandbox.customers()) == 2


def test_the_form_can_test_a_connection(connect: Any, sandbox: bk.Sandbox) -> None:
    assert BizKitHubHook().test_connection() == (True, f"{sandbox.url} accepts the API key")
    sandbox.add_fault({"effect": {"status": {"status": 404, "code": "PUBLIC_API_KEY_HAS_BEEN_DELETED"}}})
    is_good, message = BizKitHubHook().test_connection()
    assert not is_good
    assert "PUBLIC_API_KEY_HAS_BEEN_DELETED" in message
    assert sandbox.api_key not in message


@pytest.mark.parametrize("wrong", [{"password": ""}, {"password": "short"}, {"host": "ftp://example.com"}])
def test_a_wrong_connection_is_told_without_the_key(define: Any, wrong: dict[str, Any]) -> None:
    define(**wrong)
    is_good, message = BizKitHubHook().test_connection()
    assert not is_good
    assert KEY not in message


@pytest.mark.parametrize("host", ["", "db.example.com", "[::1]"])
def test_a_ledger_may_be_a_connection_of_postgresql(define: Any, host: str) -> None:
    define(
        "warehouse", conn_type="postgres", host=host.strip("[]"), login="me@x", password="p/w", schema="crm", port=5433
    )
    define(extra={"ledger_conn_id": "warehouse"})
    place = host or "localhost"
    expected = f"postgresql://me%40x:p%2Fw@{place}:5433/crm"
    assert BizKitHubHook()._settings()["ledger"] == expected
    assert BizKitHubHook(ledger="/ledger")._settings()["ledger"] == "/ledger"
    assert BizKitHubHook(ledger_schema="b2b")._settings()["ledger"] == f"{expected}?schema=b2b"
    assert BizKitHubHook().has_ledger()
    with pytest.raises(AirflowException, match="either a ledger or the connection"):
        BizKitHubHook(ledger="/ledger", ledger_conn_id="warehouse").get_conn()
    with pytest.raises(AirflowException, match="a ledger is kept in PostgreSQL"):
        BizKitHubHook(ledger_conn_id="bizkithub_default").get_conn()


@pytest.mark.parametrize(
    ("extra", "query"),
    [
        ({"sslmode": "verify-full", "sslrootcert": "/etc/db.pem"}, "?sslmode=verify-full&sslrootcert=%2Fetc%2Fdb.pem"),
        ({"sslmode": "disable", "keepalives": 1}, "?sslmode=disable"),
    ],
)
def test_the_security_of_a_ledger_is_as_the_connection_says(define: Any, extra: dict[str, object], query: str) -> None:
    define("warehouse", conn_type="postgres", host="db", password="", schema="crm", extra=extra)
    define()
    ledger = BizKitHubHook(ledger_conn_id="warehouse")._settings()["ledger"]
    assert ledger == f"postgresql://db/crm{query}"
    define("warehouse", conn_type="postgres", host="/var/run/postgresql")
    with pytest.raises(AirflowException, match="names a socket"):
        BizKitHubHook(ledger_conn_id="warehouse").get_conn()


def test_secrets_are_masked_in_logs(define: Any, tmp_path: Path) -> None:
    define(extra={"ledger": "postgresql://me:hunter%2F2x@db/crm"})
    BizKitHubHook().get_conn().close()
    try:
        from airflow.sdk.log import redact
    except ImportError:
        from airflow.utils.log.secrets_masker import redact
    assert KEY not in redact(f"GET /?apiKey={KEY}")
    assert "hunter" not in redact("postgresql://me:hunter%2F2x@db/crm hunter/2x")


@pytest.mark.filterwarnings("ignore")  # Airflow's own
def test_airflow_knows_the_provider() -> None:
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    hook = manager.hooks["bizkithub"]
    assert hook is not None
    assert (hook.hook_name, hook.connection_id_attribute_name) == ("BizKitHub", "bizkithub_conn_id")
    assert "airflow_provider_bizkithub.link.RejectsLink" in manager.extra_links_class_names
    assert "bizkithub" in dict(manager.taskflow_decorators)
    behaviour = manager.field_behaviours["bizkithub"]
    assert behaviour["relabeling"] == {"password": "API key", "host": "Base URL"}
    assert set(BizKitHubHook.get_ui_field_behaviour()) == {"hidden_fields", "relabeling", "placeholders"}


def test_the_form_of_older_versions_has_the_same_fields() -> None:
    pytest.importorskip("flask_appbuilder")
    from airflow_provider_bizkithub.provider_info import CONNECTION_FIELDS

    assert list(BizKitHubHook.get_connection_form_widgets()) == list(CONNECTION_FIELDS)
