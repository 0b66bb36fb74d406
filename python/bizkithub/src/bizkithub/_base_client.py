"""What the two clients share: their settings."""

from __future__ import annotations

import os

from bizkithub import _native
from bizkithub._typing import override

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from typing_extensions import TypeIs

    KeyPlacement: TypeAlias = Literal["query", "body", "bearer"]


class BaseClient:
    """The settings of a client. It survives `fork`: a child process makes its own connections."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        key_placement: KeyPlacement = "query",
        connect_timeout: float = 5.0,
        timeout: float = 30.0,
        deadline: float | None = 60.0,
        tries: int = 3,
        quota: str | None = None,
        ledger: str | os.PathLike[str] | None = None,
        accept_key: bool = False,
        proxy: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        otlp_endpoint: str | None = None,
    ) -> None:
        """Make a client. Nothing is sent, and no thread is started but those of an exporter.

        Args:
            api_key: The API key. Default: the environment variable `BIZKITHUB_API_KEY`.
            base_url: The address of the API. Default: the environment variable `BIZKITHUB_BASE_URL`, then
                `https://api.bizkithub.com`. Plain `http://` is accepted for this machine only.
            key_placement: Where requests carry the key: `"query"`, which is the documented place, `"body"` or
                `"bearer"`.
            connect_timeout: The longest wait for a connection, in seconds.
            timeout: The longest time of one try, from connecting to the last byte of the answer, in seconds.
            deadline: The longest time of one call with all its retries and waits, in seconds; `None` for no limit. A
                wait for quota that does not fit comes back at once as a `QuotaError` with its moment. Runs of plans
                wait by their own rules.
            tries: The most tries of one request, the first included. Waits for quota are not counted.
            quota: The quota to start from, such as `"10000/h"`, or a plan: `"free"`, `"starter"`, `"professional"`.
                Default: what the key's prefix suggests; then what the server tells.
            ledger: Where plans remember what the server acknowledged, so that it is not sent again, also by other
                processes: the path of a file on a local disk, or a URL such as
                `postgresql://user@host/database`. It is opened by the first plan and made where there is none.
                Default: a plan remembers its own runs only.
            accept_key: Use a ledger that belongs to another key, which was replaced by this one.
            proxy: A proxy, such as `http://user:password@proxy.example:3128`. Default: the system's variables
                (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
            ca_file: A PEM file of certificate authorities to trust beside the system's.
            otlp_endpoint: The address of an OpenTelemetry collector that receives OTLP over HTTP, such as
                `http://localhost:4318`: it gets a span for each request and each run, and metrics. Default: the
                environment variable `BIZKITHUB_OTLP_ENDPOINT`; without either, nothing is exported. Closing the client
                exports what is left.

        Raises:
            InvalidInputError: A setting is not valid; `field` and `code` tell which and why.

        """
        try:
            self._native = _native.Client(
                api_key=api_key,
                base_url=base_url,
                key_placement=key_placement,
                connect_timeout=connect_timeout,
                timeout=timeout,
                deadline=deadline,
                tries=tries,
                quota=quota,
                ledger=ledger,
                accept_key=accept_key,
                proxy=proxy,
                ca_file=ca_file,
                otlp_endpoint=otlp_endpoint,
            )
        finally:
            # A traceback may show the variables of its frames, and these hold secrets.
            del api_key, proxy, ledger

    @property
    def base_url(self) -> str:
        """The address of the API."""
        return self._native.base_url

    @override
    def __repr__(self) -> str:
        # A debugger or a crash reporter may show a client whose making failed.
        native = getattr(self, "_native", None)
        return f"{type(self).__name__}({'not made' if native is None else f'base_url={native.base_url!r}'})"

    @override
    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError(f"{type(self).__name__} holds an API key and cannot be pickled: make one in each process")


def is_path(data: object) -> TypeIs[str | os.PathLike[str]]:
    """Whether a plan's data is the path of a file."""
    return isinstance(data, (str, os.PathLike))
