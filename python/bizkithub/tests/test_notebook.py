"""What notebooks show: plans and reports as HTML, and how far a run is."""

from __future__ import annotations

import html.parser
import io
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

import bizkithub as bk
from bizkithub import _html

if TYPE_CHECKING:
    from pathlib import Path

VOID = {"path", "rect", "polyline"}


class Checker(html.parser.HTMLParser):
    """Keeps the texts, and makes sure that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        assert not any(name.startswith("on") for name, _ in attrs)
        self.open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, (tag, attrs)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)


def shown(markup: str) -> str:
    checker = Checker()
    checker.feed(markup)
    checker.close()
    assert checker.open == []
    return " ".join(" ".join(checker.texts).split())


def test_a_plan_shows_its_bill_and_what_looks_wrong(client: bk.Client) -> None:
    rows = [{"email": f"user{number}@example.com", "segment": "newsletter"} for number in range(30)]
    rows += [
        {"email": "a@example.com", "segment": "newsleter"},
        {"email": "nobody", "segment": "<script>alert(1)</script>"},
    ]
    plan = client.plan(rows, email="email", groups="segment")
    text = shown(plan._repr_html_())
    assert "rows 32 rejected rows 1 customers 31 requests to send 31" in text
    assert "newsleter newsleter 1 looks like newsletter" in text
    assert "rejected: email_invalid 1 row 32: the e-mail address has no @" in text
    [reason] = plan.reasons
    assert (reason.outcome, reason.code, reason.rows, reason.examples[0].row) == ("rejected", "email_invalid", 1, 32)
    hostile = client.plan([{"email": "b@example.com", "segment": "<b>&"}], email="email", groups="segment")
    assert "<b>" not in hostile._repr_html_()


def test_a_bill_points_at_what_the_ledger_does_not_know(sandbox: bk.Sandbox, tmp_path: Path) -> None:
    rows = [{"email": "a@example.com", "segment": "vip"}]
    with sandbox.client(ledger=tmp_path / "groups.ledger") as client:
        plan = client.plan(rows, email="email", groups="segment")
        assert "new" not in str(plan.bill).split(), "everything is"
        plan.run()
        rows += [{"email": "a@example.com", "segment": "spring"}]
        plan = client.plan(rows, email="email", groups="segment")
        assert "spring spring 1 new vip vip 1" in shown(plan._repr_html_())
        assert str(plan.bill).splitlines()[-1].split() == ["1", "spring", "new"]


def test_a_report_shows_the_outcomes_and_the_run(client: bk.Client) -> None:
    rows = [{"email": f"user{number}@example.com"} for number in range(300)] + [{"email": "nobody"}]
    report = client.plan(rows, email="email", constant_groups=["vip"]).run()
    text = shown(report._repr_html_())
    assert "applied 300" in text
    assert "rejected: email_invalid 1 row 301" in text
    assert "301 requests" not in text
    assert "300 requests in" in text
    empty = client.plan([], email="email", constant_groups=["vip"]).run()
    assert "applied 0" in shown(empty._repr_html_())


def test_the_picture_shows_waits_and_the_quota() -> None:
    points = [
        bk.QuotaPoint(seconds=0.0, requests_sent=0, quota_left=None, is_waiting=False),
        bk.QuotaPoint(seconds=10.0, requests_sent=1_000, quota_left=0, is_waiting=True),
        bk.QuotaPoint(seconds=3_600.0, requests_sent=1_500, quota_left=500, is_waiting=False),
    ]
    text = shown(_html.picture(points))
    assert text == "1,500 requests sent 0 s 1 h quota left, at most 500 shaded: waiting"
    assert _html.picture(points[:1]) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "40 ms"), (9.94, "9.9 s"), (59.6, "1 min"), (754, "12 min 34 s"), (3_599.7, "1 h"), (90_000, "25 h")],
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert _html.duration(seconds) == text


class Bar:
    """As little as a bar has to have."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.count = 0.0

    def update(self, n: float = 1) -> None:
        self.count += n


def run(client: bk.Client, progress: Any) -> None:
    rows = [{"email": f"user{number}@example.com"} for number in range(40)]
    client.plan(rows, email="email", constant_groups=["vip"]).run(progress=progress)


def test_progress_moves_a_bar(client: bk.Client) -> None:
    bar = Bar()
    run(client, bar)
    assert (bar.total, bar.count) == (40, 40)
    tqdm = pytest.importorskip("tqdm")
    text = io.StringIO()
    with tqdm.tqdm(file=text) as bar_of_tqdm:
        run(client, bar_of_tqdm)
    assert "40/40" in text.getvalue()


def test_progress_makes_a_bar_or_a_line(
    client: bk.Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(client, progress=True)
    assert "40/40" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    run(client, progress=True)
    assert capsys.readouterr().err == "40 of 40 requests\n"
    run(client, progress=False)
    assert capsys.readouterr().err == ""
    with pytest.raises(TypeError, match="progress is int"):
        run(client, progress=5)


def test_a_run_can_be_plotted(client: bk.Client) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    rows = [{"email": f"user{number}@example.com"} for number in range(40)]
    report = client.plan(rows, email="email", constant_groups=["vip"]).run()
    axes = report.plot()
    assert axes.get_title().startswith("40 requests in ")
    assert axes.get_ylim()[1] >= 40
    assert report.plot(axes) is axes
    empty = client.plan([], email="email", constant_groups=["vip"]).run()
    assert empty.plot().get_title().startswith("0 requests in ")
    plt.close("all")


def test_a_plot_of_hours_shades_the_waits() -> None:
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot as plt

    from bizkithub import _plot

    points = [
        bk.QuotaPoint(seconds=0.0, requests_sent=0, quota_left=None, is_waiting=False),
        bk.QuotaPoint(seconds=60.0, requests_sent=1_000, quota_left=0, is_waiting=True),
        bk.QuotaPoint(seconds=7_200.0, requests_sent=1_500, quota_left=500, is_waiting=False),
    ]
    axes = _plot.draw(points, None)
    assert axes.get_xlabel() == "hours since the run began"
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["requests sent", "quota left", "waiting"]
    plt.close("all")
