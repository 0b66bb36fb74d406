"""What Airflow asks of a provider: its connection type, its links and its decorator."""

from __future__ import annotations

from typing import Any

FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["schema", "port", "login", "extra"],
    "relabeling": {"password": "API key", "host": "Base URL"},
    "placeholders": {
        "host": "https://api.bizkithub.com",
        "quota": "10000/h",
        "ledger": "postgresql://user@host/database",
    },
}
"""How the usual fields of a connection look."""

CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "quota": {
        "label": "Quota",
        "description": "The quota to start from, such as 10000/h or a plan: free, starter, professional.",
        "schema": {"type": ["string", "null"]},
    },
    "ledger": {
        "label": "Ledger",
        "description": "What was sent: postgresql://user@host/database, or a path on the workers' host.",
        "schema": {"type": ["string", "null"]},
    },
    "ledger_conn_id": {
        "label": "Ledger connection",
        "description": "Instead of a ledger: the id of a PostgreSQL connection to keep it in.",
        "schema": {"type": ["string", "null"]},
    },
    "ledger_schema": {
        "label": "Ledger schema",
        "description": "The schema in that database, one for each organisation; by default bizkithub.",
        "schema": {"type": ["string", "null"]},
    },
    "ca_file": {
        "label": "CA file",
        "description": "A PEM file of certificate authorities to trust beside the system's.",
        "schema": {"type": ["string", "null"]},
    },
}
"""The fields of a connection's extras."""


def get_provider_info() -> dict[str, Any]:
    """Describe the provider; Airflow finds this function by the entry point `apache_airflow_provider`."""
    return {
        "package-name": "airflow-provider-bizkithub",
        "name": "BizKitHub",
        "description": "Puts groups on BizKitHub customers, one or ten million.",
        "hooks": [
            {"integration-name": "BizKitHub", "python-modules": ["airflow_provider_bizkithub.hook"]},
        ],
        "operators": [
            {"integration-name": "BizKitHub", "python-modules": ["airflow_provider_bizkithub.operator"]},
        ],
        "triggers": [
            {"integration-name": "BizKitHub", "python-modules": ["airflow_provider_bizkithub.trigger"]},
        ],
        "connection-types": [
            {
                "connection-type": "bizkithub",
                "hook-class-name": "airflow_provider_bizkithub.hook.BizKitHubHook",
                "hook-name": "BizKitHub",
                "ui-field-behaviour": FIELD_BEHAVIOUR,
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
        "extra-links": ["airflow_provider_bizkithub.link.RejectsLink"],
        "task-decorators": [{"name": "bizkithub", "class-name": "airflow_provider_bizkithub.decorator.bizkithub_task"}],
    }
