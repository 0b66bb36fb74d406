"""A forked child works, whether or not its parent had connections, and does not disturb its parent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import bizkithub as bk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

BEGIN = """
    import asyncio, multiprocessing, os, threading
    import bizkithub as bk
    client = bk.Client({key!r}, base_url={url!r})
    async_client = bk.AsyncClient({key!r}, base_url={url!r})
    plan = client.plan([{{"email": "plan@example.com"}}], email="email", constant_groups=["vip"])

    def use(name):
        client.add_groups(email=name + "@example.com", groups=["sync"])
        asyncio.run(async_client.add_groups(email=name + "@example.com", groups=["async"]))

    def in_child(name):
        use(name)
        plan.run()

    def fork(name):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                in_child(name)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
"""

PROGRAMS = {
    "before the first use": """
        fork("child")
        use("parent")
    """,
    "after use": """
        use("parent")
        fork("child")
        use("parent")
        fork("another")
    """,
    "of a fork": """
        use("parent")
        child = os.fork()
        if child == 0:
            use("child")
            fork("grandchild")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        use("parent")
    """,
    "by multiprocessing": """
        use("parent")
        with multiprocessing.get_context("fork").Pool(3) as pool:
            pool.map(in_child, ["a", "b", "c"])
        use("parent")
    """,
    "that exits in the ordinary way": """
        use("parent")
        child = os.fork()
        use("child" if child == 0 else "parent")
        if child:
            assert os.waitpid(child, 0)[1] == 0
    """,
    "while other threads call": """
        def call():
            for number in range(300):
                client.add_groups(email=f"{number}@example.com", groups=["vip"])
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(10):
            fork(f"child{number}")
        for thread in threads:
            thread.join()
    """,
    "while a frame is read": """
        import pyarrow
        schema = pyarrow.schema([("email", pyarrow.string())])
        begun, forked = threading.Event(), threading.Event()
        def batches():
            yield pyarrow.record_batch([["before@example.com"]], schema=schema)
            begun.set()
            forked.wait()
            yield pyarrow.record_batch([["after@example.com"]], schema=schema)
        def read(batches):
            reader = pyarrow.RecordBatchReader.from_batches(schema, batches)
            return client.plan(reader, email="email", constant_groups=["vip"]).bill.rows
        rows = []
        reading = threading.Thread(target=lambda: rows.append(read(batches())))
        reading.start()
        begun.wait()
        child = os.fork()
        if child == 0:
            assert read([pyarrow.record_batch([["child@example.com"]], schema=schema)]) == 1
            use("child")
            raise SystemExit
        assert os.waitpid(child, 0)[1] == 0
        forked.set()
        reading.join()
        assert rows == [2]
    """,
    "that drops its parent's client": """
        use("parent")
        child = os.fork()
        if child == 0:
            client.close()
            asyncio.run(async_client.close())
            del client, async_client
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        for _ in range(3):
            use("parent")
    """,
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_a_fork(sandbox: bk.Sandbox, check_python: Callable[[str], str], case: str) -> None:
    import textwrap

    if "pyarrow" in PROGRAMS[case]:
        pytest.importorskip("pyarrow")
    begin = textwrap.dedent(BEGIN).format(key=sandbox.api_key, url=sandbox.url)
    check_python(begin + textwrap.dedent(PROGRAMS[case]))
    requests = sandbox.requests()
    assert {request["status"] for request in requests} == {200}
    if case == "that drops its parent's client":
        # The parent's one connection outlived the child.
        sync = [request["connection"] for request in requests if request["groups"] == ["sync"]]
        assert len(set(sync)) == 1
    if case == "of a fork":
        expected = {"parent", "child", "grandchild"}
        assert {str(request["customer"]).split("@")[0] for request in requests} >= expected
