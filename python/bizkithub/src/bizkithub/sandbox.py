"""The API on your own machine."""

from __future__ import annotations

from bizkithub import _native
from bizkithub._json import dump, load
from bizkithub._typing import override

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self, Unpack

    from bizkithub.async_client import AsyncClient
    from bizkithub.client import Client
    from bizkithub.sandbox_types import Fault, SandboxCustomer, SandboxOptions, SandboxRequest


class Sandbox:
    """A real HTTP server in this process that behaves as the documented API does.

    It misbehaves on purpose when asked to: see `add_fault`. Its state is in memory; it listens on this machine only
    unless told otherwise. No account is needed.

        with bizkithub.Sandbox() as sandbox:
            sandbox.client().add_groups(email="a@example.com", groups=["vip"])
            assert sandbox.groups_of(email="a@example.com") == {"vip"}
    """

    def __init__(self, **options: Unpack[SandboxOptions]) -> None:
        """Start a sandbox; when this returns, it accepts connections.

        Args:
            **options: `host` (default `"127.0.0.1"`), `port` (default 0, any free one), `seed` of everything random
                (default 0), `keys` to register besides `api_key`, `customer_policy` (`"accept_every"` or
                `"only_seeded"`), `customers` that exist from the start, `missing_customer_status` (default 404),
                `validation_status` (default 400), `quota` (default none) and `quota_signals`, `faults`, `frozen_at` (a
                moment of RFC 3339 at which the clock stands still), `request_log_capacity` (default 10,000).

        Raises:
            InvalidInputError: An option is not valid, or the address cannot be listened on.

        """
        self._native = _native.Sandbox(dump(options))

    @property
    def url(self) -> str:
        """The base URL to give to a client, such as `http://127.0.0.1:40123`."""
        return self._native.url

    @property
    def api_key(self) -> str:
        """A registered `DEV_` key: the same for the same seed."""
        return self._native.api_key

    def client(self, **settings: Any) -> Client:
        """Make a `Client` of this sandbox.

        Args:
            **settings: The settings of `Client`, besides `api_key` and `base_url`.

        """
        from bizkithub.client import Client

        return Client(self.api_key, base_url=self.url, **settings)

    def async_client(self, **settings: Any) -> AsyncClient:
        """Make an `AsyncClient` of this sandbox.

        Args:
            **settings: The settings of `AsyncClient`, besides `api_key` and `base_url`.

        """
        from bizkithub.async_client import AsyncClient

        return AsyncClient(self.api_key, base_url=self.url, **settings)

    def groups_of(self, *, email: str | None = None, cu_ref_no: str | None = None) -> set[str]:
        """Tell the slugs of a customer's groups; none for a customer that does not exist."""
        return self._native.groups_of(email, cu_ref_no)

    def requests(self) -> list[SandboxRequest]:
        """Tell the logged requests, oldest first."""
        requests: list[SandboxRequest] = load(self._native.requests())
        return requests

    def customers(self) -> list[SandboxCustomer]:
        """Tell every customer, in the order in which they came to exist."""
        customers: list[SandboxCustomer] = load(self._native.customers())
        return customers

    def wait_for_request(self, *, timeout: float = 10.0, **wanted: object) -> SandboxRequest:
        """Wait until the log holds a wanted request.

        So a test knows, without a guess, what has arrived and what its client has closed.

        Args:
            timeout: The longest wait, in seconds of the machine's clock.
            **wanted: Members of the request with their values, such as `customer="a@example.com"` or
                `closed_by_client=True`.

        Raises:
            TimeoutError: The time was up first.

        """
        found = self._native.wait_for_request(dump(wanted), timeout)
        if found is None:
            raise TimeoutError(f"no request with {wanted} within {timeout} seconds")
        request: SandboxRequest = load(found)
        return request

    def add_fault(self, fault: Fault) -> None:
        """Put a fault in force from the next request on, after those that are in force already.

        Args:
            fault: Such as `{"effect": {"status": {"status": 503}}, "at_most": 2}` or
                `{"when": {"email": "a@example.com"}, "effect": "reset_after_applying"}`. `when` is `"every_request"`,
                or one of `every_nth`, `probability`, `email` and `cu_ref_no` with its value.

        Raises:
            InvalidInputError: The fault is not valid.

        """
        self._native.add_fault(dump(fault))

    def clear_faults(self) -> None:
        """End all faults. Requests that one holds back already stay held back."""
        self._native.clear_faults()

    def advance(self, seconds: float) -> None:
        """Let time pass on the sandbox's clock at once: quotas come back, keys expire, latencies end."""
        self._native.advance(seconds)

    def stop(self) -> None:
        """Stop the server and close every connection. What it remembers can still be asked for."""
        self._native.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @override
    def __repr__(self) -> str:
        return f"<Sandbox at {self.url}, {'running' if self._native.is_running else 'stopped'}>"
