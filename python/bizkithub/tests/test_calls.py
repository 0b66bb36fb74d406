from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest
from typing_extensions import override

import bizkithub as bk


def test_groups_are_put_on_a_customer_by_e_mail_and_by_number(sandbox: bk.Sandbox, client: bk.Client) -> None:
    receipt = client.add_groups(email="jan@barasek.com", groups=["Personal training", "vip"])
    assert (receipt.attempts, receipt.quota.limit) == (1, None)
    client.add_groups(cu_ref_no="1cGIHvFoQDGLAbcA", groups=("vip",))
    assert sandbox.groups_of(email="Jan@Barasek.com") == {"personal-training", "vip"}
    assert sandbox.groups_of(cu_ref_no="1cGIHvFoQDGLAbcA") == {"vip"}


def test_groups_may_be_any_iterable(sandbox: bk.Sandbox, client: bk.Client) -> None:
    client.add_groups(email="jan@barasek.com", groups=(name for name in ["a", "b"]))
    client.add_groups(email="jan@barasek.com", groups={"c": 1})
    assert sandbox.groups_of(email="jan@barasek.com") == {"a", "b", "c"}


def test_an_exception_of_the_iterable_is_the_callers(client: bk.Client) -> None:
    def groups() -> Any:
        yield "a"
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        client.add_groups(email="jan@barasek.com", groups=groups())


def test_ping_asks_about_the_key(sandbox: bk.Sandbox, client: bk.Client) -> None:
    assert client.ping().attempts == 1
    with (
        bk.Client("DEV_NotRegistered000000000000000", base_url=sandbox.url) as stranger,
        pytest.raises(bk.ApiKeyError) as caught,
    ):
        stranger.ping()
    error = caught.value
    assert (error.kind, error.code, error.status) == ("api_key", "PUBLIC_API_KEY_DOES_NOT_EXIST", 404)
    assert error.doc_url == "https://docs.bizkithub.com/errors/PUBLIC_API_KEY_DOES_NOT_EXIST"
    assert (error.attempts, error.is_retryable) == (1, False)


def test_settings_come_from_the_environment_when_no_argument_is_given(
    sandbox: bk.Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIZKITHUB_API_KEY", sandbox.api_key)
    monkeypatch.setenv("BIZKITHUB_BASE_URL", sandbox.url)
    with bk.Client() as client:
        assert client.base_url == sandbox.url
        client.ping()
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize("placement", ["query", "body", "bearer"])
def test_the_key_goes_where_it_is_told_to(sandbox: bk.Sandbox, placement: Any) -> None:
    with sandbox.client(key_placement=placement) as client:
        client.add_groups(email="jan@barasek.com", groups=["vip"])
    assert [request["key_placement"] for request in sandbox.requests()] == [placement]


def test_a_failure_is_tried_again(sandbox: bk.Sandbox, client: bk.Client) -> None:
    sandbox.add_fault({"effect": {"status": {"status": 503}}, "at_most": 1})
    assert client.add_groups(email="jan@barasek.com", groups=["vip"]).attempts == 2


def test_a_quota_that_does_not_come_back_in_time_is_an_error_with_its_moment() -> None:
    now = datetime.now(timezone.utc)
    quota: Any = {"model": "sliding_window", "limit": 1, "window_seconds": 600}
    with bk.Sandbox(quota=quota, frozen_at="2026-11-23T12:00:00Z") as sandbox, sandbox.client() as client:
        receipt = client.add_groups(email="a@example.com", groups=["vip"])
        assert (receipt.quota.limit, receipt.quota.remaining) == (1, 0)
        assert receipt.quota.resets_at is not None
        # The server's clock says that it is ten minutes from now, whatever ours shows.
        assert round((receipt.quota.resets_at - now).total_seconds() / 60) == 10
        with pytest.raises(bk.QuotaError) as caught:
            client.add_groups(email="b@example.com", groups=["vip"])
        assert caught.value.retry_after == 600
        assert caught.value.retry_at is not None
        assert caught.value.retry_at.tzinfo == timezone.utc
        sandbox.advance(600)
        client.add_groups(email="b@example.com", groups=["vip"])


def test_no_connection_is_a_network_error(sandbox: bk.Sandbox) -> None:
    sandbox.stop()
    with sandbox.client(tries=2) as client, pytest.raises(bk.NetworkError) as caught:
        client.ping()
    assert (caught.value.code, caught.value.attempts, caught.value.is_retryable) == ("connect_failed", 2, True)


def test_a_connection_is_used_again_and_a_closed_one_is_not(sandbox: bk.Sandbox, client: bk.Client) -> None:
    sandbox.add_fault({"effect": "truncated_body", "at_most": 1})
    for _ in range(3):
        client.add_groups(email="jan@barasek.com", groups=["vip"])
    first, *others = [request["connection"] for request in sandbox.requests()]
    assert len(others) == 3
    assert set(others) == {others[0]}
    assert others[0] != first


def test_a_closed_client_says_so(client: bk.Client) -> None:
    client.ping()
    client.close()
    client.close()
    with pytest.raises(bk.InvalidInputError) as caught:
        client.ping()
    assert caught.value.code == "client_closed"
    assert repr(client) == f"Client(base_url={client.base_url!r})"


def test_a_connection_that_the_server_closed_meanwhile_is_not_taken(closing_server: ClosingServer) -> None:
    with bk.Client("DEV_Closed0000000000000000000000", base_url=closing_server.url) as client:
        for _ in range(20):
            assert client.ping().attempts == 1
            closing_server.close()


class ClosingServer:
    """Answers one request on each connection, promises to keep it, and closes it when told to."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._may_close, self._closed = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(ANSWER)
                self._may_close.acquire()
            self._closed.release()

    def close(self) -> None:
        self._may_close.release()
        self._closed.acquire()


ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{"success": true}'


@pytest.fixture
def closing_server() -> ClosingServer:
    return ClosingServer()


def test_closing_closes_the_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        client = bk.Client("DEV_Closing000000000000000000000", base_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        call = pool.submit(client.ping)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(30)
            connection.recv(65_536)
            connection.sendall(ANSWER)
            call.result()
            client.close()
            assert connection.recv(1) == b""


def test_many_threads_share_a_client(sandbox: bk.Sandbox, client: bk.Client) -> None:
    def call(number: int) -> int:
        return client.add_groups(email=f"customer{number % 50}@example.com", groups=[f"g{number}"]).attempts

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(call, range(400))) == [1] * 400
    assert sum(len(customer["groups"]) for customer in sandbox.customers()) == 400


def test_asyncio_makes_many_calls_at_once(sandbox: bk.Sandbox) -> None:
    async def main() -> list[bk.Receipt]:
        async with sandbox.async_client() as client:
            calls = (client.add_groups(email=f"{number}@example.com", groups=["vip"]) for number in range(200))
            return await asyncio.gather(*calls)

    assert [receipt.attempts for receipt in asyncio.run(main())] == [1] * 200
    assert len(sandbox.customers()) == 200


def test_an_async_client_serves_one_event_loop_after_another(sandbox: bk.Sandbox) -> None:
    client = sandbox.async_client()
    for _ in range(3):
        assert asyncio.run(client.ping()).attempts == 1
    asyncio.run(client.close())
    with pytest.raises(bk.InvalidInputError):
        asyncio.run(client.ping())


def test_errors_reach_the_awaiting_task(sandbox: bk.Sandbox) -> None:
    async def main() -> list[Any]:
        async with sandbox.async_client(tries=1) as client:
            bad = client.add_groups(email="jan", groups=["vip"])
            refused = client.add_groups(email="refused@example.com", groups=["vip"])
            fine = client.add_groups(email="fine@example.com", groups=["vip"])
            return list(await asyncio.gather(bad, refused, fine, return_exceptions=True))

    status: Any = {"status": {"status": 404, "code": "INTERNAL_RESOURCE_NOT_FOUND"}}
    sandbox.add_fault({"when": {"email": "refused@example.com"}, "effect": status})
    bad, refused, fine = asyncio.run(main())
    assert isinstance(bad, bk.InvalidInputError)
    assert isinstance(refused, bk.RejectedError)
    assert isinstance(fine, bk.Receipt)


def test_a_visit_without_an_arrival_does_not_wait(sandbox: bk.Sandbox) -> None:
    class Nested(asyncio.SelectorEventLoop):
        """Visits once more than there are arrivals, as loops that run inside themselves do."""

        @override
        def add_reader(self, *arguments: Any) -> Any:  # type: ignore[override]
            fd, callback, *rest = arguments

            def visit_twice() -> None:
                callback(*rest)
                callback(*rest)

            super().add_reader(fd, visit_twice)

    async def main() -> int:
        async with sandbox.async_client() as client:
            receipts = await asyncio.gather(*(client.ping() for _ in range(20)))
        return sum(receipt.attempts for receipt in receipts)

    loop = Nested()
    try:
        assert loop.run_until_complete(main()) == 20
    finally:
        loop.close()


def test_a_loop_that_cannot_watch_a_pipe_is_served_by_a_thread(sandbox: bk.Sandbox) -> None:
    class Proactor(asyncio.SelectorEventLoop):
        """As the default loop of Windows."""

        @override
        def add_reader(self, *_: object) -> Any:
            # The loop's own pipe, by which threads wake it, is watched by `_add_reader`.
            raise NotImplementedError

    async def main() -> int:
        async with sandbox.async_client() as client:
            receipts = await asyncio.gather(*(client.ping() for _ in range(20)))
        return sum(receipt.attempts for receipt in receipts)

    loop = Proactor()
    try:
        assert loop.run_until_complete(main()) == 20
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("text", "slug"),
    [("Joolz Aer+", "joolz-aer-plus"), ("Project Review: Q1 & Q2", "project-review-q1-and-q2"), ("🎉", "")],
)
def test_slugs_are_predicted(text: str, slug: str) -> None:
    assert bk.slug(text) == slug
