"""The contract between the languages: `tests/vectors`, every file and every case."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from scripted_server import Answer, ScriptedServer
from typing_extensions import override

import bizkithub as bk
from bizkithub._json import snake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parents[3] / "tests" / "vectors"
KEY = "DEV_VectorsKey000000000000000001"
Case = dict[str, Any]


def text(value: Any) -> str:
    """A text, or one that is made: repeated, or joined from parts."""
    if isinstance(value, list):
        return "".join(text(part) for part in value)
    if isinstance(value, dict):
        return value["repeat"] * value["times"] if "repeat" in value else "".join(texts(value))
    return str(value)


def texts(value: Any) -> list[str]:
    """A list of texts, or one that is made by counting."""
    if isinstance(value, dict):
        first = value.get("from", 1)
        return [value["each"].replace("{index}", str(index)) for index in range(first, first + value["times"])]
    return [text(item) for item in value]


def optional(value: Any) -> str | None:
    return None if value is None else text(value)


def check_error(expected: Case, error: BaseException, secret: str, *, has_clock: bool = True) -> None:
    assert isinstance(error, bk.BizKitHubError)
    field = expected.get("field")
    found = (error.kind, error.code, error.status, error.field, error.is_retryable)
    assert found == (
        expected["kind"],
        optional(expected.get("code")),
        expected.get("status"),
        None if field is None else snake(field),
        expected.get("retryable", False),
    )
    if has_clock:
        assert error.retry_after == expected.get("retryAfter")
        assert (error.retry_at is not None) == ("retryAfter" in expected)
    assert error.message
    assert error.advice
    assert (error.doc_url is not None) <= (error.code or "")[:1].isupper()
    shown = str(error) + repr(error) + str(vars(error)) + pickle.dumps(error).decode("latin-1")
    assert secret not in shown


def check_refused(server: ScriptedServer, expected: Case, secret: str, call: Callable[[], object]) -> None:
    with pytest.raises(bk.InvalidInputError) as caught:
        call()
    check_error(expected, caught.value, secret)
    assert server.requests == []


def is_of_kind(value: object, kind: str) -> bool:
    kinds: dict[str, tuple[type, ...]] = {
        "count": (int,),
        "counts": (Mapping,),
        "number": (int, float),
        "boolean": (bool,),
        "text": (str,),
        "moment": (datetime,),
        "error": (bk.BizKitHubError,),
        "list": (Sequence,),
        "object": (bk.BillTime, Mapping),
    }
    return isinstance(value, kinds[kind]) and (kind == "boolean" or not isinstance(value, bool))


class Runner:
    """Runs one case after another against one server."""

    def __init__(self, server: ScriptedServer, file: Case) -> None:
        self.server = server
        self.file = file
        self.client = bk.Client(KEY, base_url=server.url, tries=1)

    def sent(self) -> list[Case]:
        bodies = [json.loads(request.body) for request in self.server.requests]
        self.server.requests.clear()
        return bodies

    def api_key(self, case: Case) -> None:
        key = text(case["input"])

        def make() -> bk.Client:
            return bk.Client(key, base_url=self.server.url)

        if "error" in case:
            # A prefix or a blank text says nothing about a key.
            secret = key.strip()[4:] if len(key.strip()) > 8 else "no such text"
            check_refused(self.server, case["error"], secret, make)
        else:
            make().ping()
            assert self.server.requests.pop().target == f"/ping/v1?apiKey={key.strip()}"

    def base_url(self, case: Case) -> None:
        url = text(case["input"])
        if "error" in case:
            check_refused(self.server, case["error"], KEY, lambda: bk.Client(KEY, base_url=url))
        else:
            assert bk.Client(KEY, base_url=url).base_url == case["written"]

    def cu_ref_no(self, case: Case) -> None:
        cu_ref_no = text(case["input"])
        self._customer(case, {"cu_ref_no": cu_ref_no}, "cuRefNo")

    def email(self, case: Case) -> None:
        email = text(case["input"])
        self._customer(case, {"email": email}, "email")
        if "identity" in case:
            rows = [{"email": email}, {"email": text(case["identity"])}]
            assert self.client.plan(rows, email="email", constant_groups=["vip"]).bill.requests == 1

    def _customer(self, case: Case, arguments: Case, member: str) -> None:
        def call() -> object:
            return self.client.add_groups(groups=["vip"], **arguments)

        if "error" in case:
            check_refused(self.server, case["error"], KEY, call)
            columns: Any = {name: name for name in arguments}
            [refusal] = self.client.plan([arguments], **columns, constant_groups=["vip"]).refusals
            check_error(case["error"], refusal, KEY)
        else:
            call()
            assert self.sent() == [{member: text(case["written"]), "groups": ["vip"]}]

    def group(self, case: Case) -> None:
        groups = [text(case["input"])] if "input" in case else texts(case["inputs"])
        if "slug" in case:
            slug = text(case["slug"])
            assert (bk.slug(groups[0]), bk.slug(slug)) == (slug, slug)
        if "error" in case:
            check_refused(
                self.server, case["error"], KEY, lambda: self.client.add_groups(email="jan@barasek.com", groups=groups)
            )
            return
        self.client.add_groups(email="jan@barasek.com", groups=groups)
        expected = [text(case["text"])] if "text" in case else texts(case["texts"])
        assert self.sent() == [{"email": "jan@barasek.com", "groups": expected}]
        if "slugs" in case:
            assert [bk.slug(group) for group in expected] == texts(case["slugs"])

    def request(self, case: Case) -> None:
        base_url = str(case.get("baseUrl", self.file["baseUrl"])).rstrip("/")
        path = "/" + base_url.split("/", 3)[3] if base_url.count("/") > 2 else ""
        client = bk.Client(
            self.file["apiKey"],
            base_url=self.server.url + path,
            key_placement=case.get("keyPlacement", "query"),
            tries=1,
        )

        def call() -> object:
            if case.get("operation") == "ping":
                return client.ping()
            return client.add_groups(
                email=optional(case.get("email")), cu_ref_no=optional(case.get("cuRefNo")), groups=texts(case["groups"])
            )

        if "error" in case:
            check_refused(self.server, case["error"], self.file["apiKey"], call)
            return
        call()
        sent = self.server.requests.pop()
        expected = case["request"]
        assert (sent.method, base_url + sent.target.removeprefix(path)) == (expected["method"], expected["url"])
        assert sent.target.startswith(path)
        assert {name: sent.headers.get(name) for name in expected["headers"]} == expected["headers"]
        assert sent.headers.get("authorization") == expected["headers"].get("authorization")
        assert sent.body == text(expected["body"])

    def response(self, case: Case) -> None:
        if "json" in case:
            body = json.dumps(case["json"], separators=(",", ":"), ensure_ascii=False).encode()
        else:
            body = bytes.fromhex(case["bodyHex"]) if "bodyHex" in case else text(case.get("body", "")).encode()
        self.server.answer = Answer(case["status"], {k: text(v) for k, v in case.get("headers", {}).items()}, body)
        client = bk.Client(self.file["apiKey"], base_url=self.server.url, tries=1, deadline=10)
        has_clock = not case.get("needsClock", False)
        quota = case.get("quota", {})
        try:
            if case.get("operation") == "ping":
                receipt = client.ping()
            elif case.get("error", {}).get("kind") == "quota":
                # A call would wait for the quota, a run can be told not to.
                plan = client.plan([{"email": "jan@barasek.com"}], email="email", constant_groups=["vip"])
                [row] = plan.run(on_quota="stop").outcomes
                assert (row.outcome, row.error is not None) == ("pending", True)
                raise row.error or AssertionError
            else:
                receipt = client.add_groups(email="jan@barasek.com", groups=["vip"])
        except bk.BizKitHubError as error:
            assert "error" in case, f"an unexpected {error!r}"
            check_error(case["error"], error, self.file["apiKey"], has_clock=has_clock)
            assert (error.attempts, error.request_id) == (1, case.get("requestId"))
        else:
            assert "error" not in case
            assert receipt.request_id == case.get("requestId")
            found = receipt.quota
            assert (found.limit, found.remaining, found.window) == tuple(
                map(quota.get, ("limit", "remaining", "window"))
            )
            if has_clock:
                assert found.retry_after == quota.get("retryAfter")
                assert (found.resets_at and found.resets_at.timestamp()) == quota.get("resetsAt")
        finally:
            self.server.answer = Answer()
            self.server.requests.clear()

    def plan(self, case: Case) -> None:
        options = case.get("options", {})
        rows = [self._row(row) for row in case["rows"]]
        columns: Any = {name: name for name in ("email", "cu_ref_no", "groups")}

        def plan() -> bk.Plan:
            allowed = options.get("allowGroups")
            return self.client.plan(
                rows,
                **columns,
                constant_groups=texts(options.get("groups", [])),
                allow_groups=None if allowed is None else texts(allowed),
            )

        if "error" in case:
            check_refused(self.server, case["error"], KEY, plan)
            return
        made = plan()
        assert {name: getattr(made.bill, name) for name in case["bill"]} == case["bill"]
        refused = [{"row": error.row, "field": error.field, "code": error.code} for error in made.refusals]
        assert refused == [{**refusal, "field": snake(refusal["field"])} for refusal in case["refused"]]
        made.run(concurrency=1)
        assert self.sent() == [{**request, "groups": texts(request["groups"])} for request in case["requests"]]

    def cell(self, case: Case) -> None:
        column = snake(case["column"])
        rows = [{"email": "jan@barasek.com" if column == "groups" else None, "groups": "vip", column: case["value"]}]
        columns: Any = {name: name for name in {"email", "groups", column}}
        plan = self.client.plan(rows, **columns)
        if "error" in case:
            [refusal] = plan.refusals
            check_error(case["error"], refusal, KEY)
        else:
            plan.run()
            assert [body[case["column"]] for body in self.sent()] == [case["sent"]]

    def result(self, case: Case) -> None:
        client = bk.Client(KEY, base_url=self.server.url, quota="100/h")
        rows = [{"email": email} for email in ("nobody", "a@example.com", "b@example.com")]
        plan = client.plan(rows, email="email", constant_groups=["vip"])
        snapshots: list[bk.Progress] = []
        with events() as told:
            report = plan.run(progress=snapshots.append)
        self.server.requests.clear()
        results = {
            "bill": plan.bill,
            "billGroup": plan.bill.groups[0],
            "billTime": plan.bill.time,
            "progress": snapshots[-1],
            "report": report,
            "quotaPoint": report.timeline[0],
            "reason": report.reasons[0],
            "rowOutcome": report.outcomes[0],
            "event": SimpleNamespace(**told["request"]),
            "requestEventFields": SimpleNamespace(**told["request"]["fields"]),
            "runStartedEventFields": SimpleNamespace(**told["run.started"]["fields"]),
            "runEndedEventFields": SimpleNamespace(**told["run.ended"]["fields"]),
        }
        result = results[case["name"]]
        # The rows of a report are a field here, and its way to the native side is nobody's business.
        found = [name for name in vars(result) if name not in ("_inner", "outcomes")]
        assert sorted(found) == sorted(map(snake, case["fields"]))
        for name, kind in case["fields"].items():
            value = getattr(result, snake(name))
            assert kind.endswith("?") if value is None else is_of_kind(value, kind.rstrip("?")), (name, value)

    @staticmethod
    def _row(row: Case) -> Case:
        groups = row.get("groups")
        return {
            "email": optional(row.get("email")),
            "cu_ref_no": optional(row.get("cuRefNo")),
            "groups": groups if groups is None or isinstance(groups, str) else texts(groups),
        }


@contextmanager
def events() -> Iterator[dict[str, Case]]:
    """The last event of each name that is logged meanwhile."""
    told: dict[str, Case] = {}

    class Listener(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            event: Case = vars(record)["bizkithub"]
            told[event["name"]] = {**event, "level": record.levelname.lower(), "message": record.getMessage()}

    logger, listener = logging.getLogger("bizkithub"), Listener()
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    try:
        yield told
    finally:
        logger.removeHandler(listener)
        logger.setLevel(logging.NOTSET)


RUNNERS: dict[str, Callable[[Runner, Case], None]] = {
    "api-keys.json": Runner.api_key,
    "base-urls.json": Runner.base_url,
    "cells.json": Runner.cell,
    "cu-ref-nos.json": Runner.cu_ref_no,
    "emails.json": Runner.email,
    "groups.json": Runner.group,
    "plans.json": Runner.plan,
    "requests.json": Runner.request,
    "responses.json": Runner.response,
    "results.json": Runner.result,
}
FILES = sorted(path.name for path in FOLDER.glob("*.json") if path.name not in ("manifest.json", "schema.json"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def load(name: str) -> Case:
    file: Case = json.loads((FOLDER / name).read_text("utf-8"))
    return file


def test_every_file_has_a_runner_and_a_count() -> None:
    assert FILES == sorted(load("manifest.json")["files"]) == sorted(RUNNERS)


@pytest.mark.parametrize("name", FILES)
def test_every_case_holds(server: ScriptedServer, name: str) -> None:
    file = load(name)
    runner = Runner(server, file)
    run, failures = 0, []
    for case in file["cases"]:
        run += 1
        try:
            RUNNERS[name](runner, case)
        except (AssertionError, bk.BizKitHubError, pytest.fail.Exception) as failure:
            failures.append(f"{case['name']}: {failure!r}")
            server.requests.clear()
    assert not failures, "\n".join(failures)
    assert run == load("manifest.json")["files"][name]
