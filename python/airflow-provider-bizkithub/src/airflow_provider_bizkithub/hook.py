"""The connection to BizKitHub, and the one place that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from airflow_provider_bizkithub._airflow import AirflowException, AirflowFailException, BaseHook, mask_secret

if TYPE_CHECKING:
    from bizkithub import AsyncClient, Client


class BizKitHubHook(BaseHook):
    """Makes clients by an Airflow connection of the type `bizkithub`.

    The connection's password is the API key; its host is the base URL, by default that of the service. Extras, all
    optional: `quota` (such as `10000/h`), `ledger` (a URL or a path) or instead of it `ledger_conn_id` (a PostgreSQL
    connection to keep the ledger in) with `ledger_schema`, and `ca_file`.

    Args:
        bizkithub_conn_id: The connection.
        ledger: Where the ledger is, instead of what the connection says: a URL such as
            `postgresql://user@host/database?schema=bizkithub`, or the path of a file that every worker reaches on a
            disk of its own host.
        ledger_conn_id: The same by a PostgreSQL connection.
        ledger_schema: The schema of its tables in that database, because a ledger belongs to one organisation. Default:
            `bizkithub`.

    """

    conn_name_attr = "bizkithub_conn_id"
    default_conn_name = "bizkithub_default"
    conn_type = "bizkithub"
    hook_name = "BizKitHub"

    def __init__(
        self,
        bizkithub_conn_id: str = default_conn_name,
        *,
        ledger: str | None = None,
        ledger_conn_id: str | None = None,
        ledger_schema: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bizkithub_conn_id = bizkithub_conn_id
        self.ledger = ledger
        self.ledger_conn_id = ledger_conn_id
        self.ledger_schema = ledger_schema

    def get_conn(self) -> Client:
        """Make a client; whoever takes it closes it.

        Raises:
            InvalidInputError: The connection holds something that is not valid; `field` and `code` tell what and why.

        """
        from bizkithub import Client

        return Client(**self._settings())

    def get_async_conn(self) -> AsyncClient:
        """Make a client for asyncio; whoever takes it closes it. Reading the connection may block.

        Raises:
            InvalidInputError: The connection holds something that is not valid; `field` and `code` tell what and why.

        """
        from bizkithub import AsyncClient

        return AsyncClient(**self._settings())

    def has_ledger(self) -> bool:
        """Whether the hook or its connection says where the ledger is."""
        return self._ledger(self.get_connection(self.bizkithub_conn_id).extra_dejson) is not None

    def test_connection(self) -> tuple[bool, str]:
        """Ask the server whether it accepts the key; nothing is changed."""
        from bizkithub import BizKitHubError

        try:
            with self.get_conn() as client:
                client.ping()
                return True, f"{client.base_url} accepts the API key"
        except (AirflowException, BizKitHubError) as error:
            return False, str(error)

    def _settings(self) -> dict[str, Any]:
        connection = self.get_connection(self.bizkithub_conn_id)
        extras = connection.extra_dejson
        if not connection.password:
            raise AirflowFailException(
                f"the connection {self.bizkithub_conn_id!r} holds no API key: put it into the password"
            )
        mask_secret(connection.password)
        return {
            "api_key": connection.password,
            "base_url": _base_url(connection),
            "quota": extras.get("quota") or None,
            "ca_file": extras.get("ca_file") or None,
            "ledger": self._ledger(extras),
        }

    def _ledger(self, extras: dict[str, Any]) -> str | None:
        """Find the ledger: what the hook was told goes before what its connection says."""
        if self.ledger or self.ledger_conn_id:
            location, conn_id = self.ledger, self.ledger_conn_id
        else:
            location, conn_id = extras.get("ledger"), extras.get("ledger_conn_id")
        schema = self.ledger_schema or extras.get("ledger_schema")
        if location and conn_id:
            raise AirflowFailException("give either a ledger or the connection of one, not both")
        if location:
            _mask_password(location)
        return _database_url(self.get_connection(conn_id), schema) if conn_id else location or None

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Describe the form of the connection, for Airflow before 3.2; later ones read the provider info."""
        from airflow_provider_bizkithub.provider_info import FIELD_BEHAVIOUR

        return {name.replace("-", "_"): value for name, value in FIELD_BEHAVIOUR.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Describe the form's own fields, for Airflow before 3.2; later ones read the provider info."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from wtforms import StringField

        from airflow_provider_bizkithub.provider_info import CONNECTION_FIELDS

        return {
            name: StringField(field["label"], description=field["description"], widget=BS3TextFieldWidget())
            for name, field in CONNECTION_FIELDS.items()
        }


def _base_url(connection: Any) -> str | None:
    if not connection.host:
        return None
    host: str = connection.host
    if "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    return f"{host}:{connection.port}" if connection.port else host


def _database_url(connection: Any, schema: str | None) -> str:
    """Write a PostgreSQL connection as a URL; what Airflow calls its schema is a database."""
    if connection.conn_type not in {"postgres", "postgresql"}:
        raise AirflowFailException(
            f"the connection {connection.conn_id!r} is of the type {connection.conn_type!r}, but "
            "a ledger is kept in PostgreSQL"
        )
    user = quote(connection.login or "", safe="")
    if connection.password:
        password = quote(connection.password, safe="")
        # In the URL it is written in another way.
        mask_secret(connection.password)
        mask_secret(password)
        user += f":{password}"
    host = connection.host or "localhost"
    if host.startswith("/"):
        raise AirflowFailException(
            f"the connection {connection.conn_id!r} names a socket: a ledger is reached by TCP, such as at localhost"
        )
    place = f"[{host}]" if ":" in host else host
    place += f":{connection.port}" if connection.port else ""
    settings = {name: connection.extra_dejson.get(name) for name in ("sslmode", "sslrootcert")} | {"schema": schema}
    query = urlencode({name: value for name, value in settings.items() if value})
    database = quote(connection.schema or "", safe="")
    return f"postgresql://{user}{'@' if user else ''}{place}/{database}{'?' if query else ''}{query}"


def _mask_password(location: str) -> None:
    try:
        password = urlsplit(location).password
    except ValueError:
        return
    if password:
        mask_secret(password)
        mask_secret(unquote(password))
