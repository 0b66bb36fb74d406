"""The link from a task to its rejected rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bizkithub._airflow import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow_provider_bizkithub._airflow import BaseOperator

REJECTS_KEY = "rejects"
"""The key of the XCom that holds where the rejected rows are."""


class RejectsLink(BaseOperatorLink):
    """Leads to the file of rejected rows, once there is one."""

    name = "Rejected rows"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow passes it by name
        """Find the address: of an object store the page of its console, otherwise the path or URI itself."""
        try:
            location = XCom.get_value(ti_key=ti_key, key=REJECTS_KEY)
        except Exception:  # noqa: BLE001 - a link that raises would fail a task that has succeeded
            return ""
        return _address(location) if location else ""


def _address(location: str) -> str:
    scheme, separator, rest = location.partition("://")
    if not separator:
        return f"file://{location}"
    # fsspec writes the connection into the address: s3://conn_id@bucket/key.
    bucket, _, key = rest.rpartition("@")[2].partition("/")
    if scheme in {"s3", "s3a", "s3n"}:
        return f"https://console.aws.amazon.com/s3/object/{bucket}?prefix={key}"
    if scheme in {"gs", "gcs"}:
        return f"https://console.cloud.google.com/storage/browser/_details/{bucket}/{key}"
    return location
