"""PerformanceTracker: the guide's call, figures as in the ledger, empty and unknown models."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pandas as pd
import pytest
from ledger_world import NASTY, Scribe, address, fill
from mlflow import MlflowClient

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.performance import PerformanceReport, PerformanceTracker
from hokusai_mlflow.settings import Settings

GUIDE = """
from hokusai import PerformanceTracker

# Initialize tracker
tracker = PerformanceTracker(model_id='digits')

# Get performance report
report = tracker.generate_report(
timeframe='last_30_days',
metrics=['accuracy', 'precision', 'recall'],
include_contributions=True
)

print(f"Performance Summary: {report.summary}")
print(f"Total Improvements: {report.improvements}")
print(f"DeltaOnes Earned: {report.delta_ones}")
"""


def test_the_guide_runs_as_it_is_written(tried):
    env = {"HOKUSAI_HOME": str(tried.home), "PATH": ""}
    ran = subprocess.run(
        [sys.executable, "-c", GUIDE], capture_output=True, text=True, env=env, check=False
    )
    assert ran.returncode == 0, ran.stderr
    summary, improvements, earned = ran.stdout.splitlines()
    assert summary.startswith("Performance Summary: 3 improvements in 6 attempts at digits")
    assert "accuracy went from" in summary
    assert "precision went from" in summary
    assert "never measured: recall" in summary
    assert improvements == "Total Improvements: 3"
    # 150 bps final and 120 provisional; what failed was not earned.
    assert earned == "DeltaOnes Earned: 2.7"


@pytest.fixture
def report(tried) -> PerformanceReport:
    return PerformanceTracker("digits", settings=tried).generate_report("all")


def test_figures_are_the_ledgers(report, tried):
    with Ledger(tried.ledger) as ledger:
        evidence = ledger.entries(model="digits", kind="attempt.evidence")
        decided = ledger.entries(model="digits", kind="attempt.decided")
    assert len(report.attempts) == 6
    assert [one.attempt.id for one in report.improvements] == [e.key for e in evidence][::-1]
    assert [one.standing for one in report.improvements] == ["provisional", "failed", "final"]
    assert report.delta_ones == (150 + 120) / 100
    assert report.paid_wei == 150 * 10**16
    points = [p for p in report.trends if p.metric == "accuracy" and p.outcome != "baseline"]
    assert [p.candidate for p in points] == [e.body["comparison"]["candidate"] for e in decided]
    assert {one.name for one in report.contributions} == {"east", "west"}
    assert sum(one.paid for one in report.contributions) == pytest.approx(0.7 * 150e16)


def test_a_timeframe_leaves_out_what_was_before(tried):
    tracker = PerformanceTracker("digits", settings=tried)
    later = datetime.now(UTC) + timedelta(days=40)
    empty = tracker.generate_report("last_30_days", now=later)
    assert (len(empty.attempts), str(empty.improvements), empty.delta_ones) == (0, "0", 0)
    assert len(tracker.generate_report("last_2_months", now=later).attempts) == 6


def test_only_the_metrics_asked_for(tried):
    tracker = PerformanceTracker("digits", settings=tried)
    found = tracker.generate_report("all", metrics=["accuracy"], include_contributions=False)
    assert {point.metric for point in found.trends} == {"accuracy"}
    assert found.contributions is None
    assert "contributors" not in {section.name for section in found.sections}
    unmeasured = tracker.generate_report("all", metrics=["accuracy", "perplexity"])
    assert unmeasured.missing == ("perplexity",)
    assert unmeasured.summary.endswith("never measured: perplexity.")
    with pytest.raises(UnknownName, match="accuracy"):
        tracker.generate_report("all", metrics=["acuracy"])


class _Text(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.tags = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.text += data


def test_every_rendering_has_the_same_figures(report):
    page = _Text(report.to_html()).text
    for section in report.sections:
        for line in section.table.lines if section.table else ():
            for figure in filter(None, line.cells):
                assert figure in page
                assert figure in report.to_text()
    for tile in report.tiles:
        assert tile.main in page
        assert tile.main in report.to_text()


@pytest.mark.parametrize("suffix", ["html", "md", "txt", "json", "csv"])
def test_it_is_saved_in_every_form(report, tmp_path, suffix):
    file = report.save(tmp_path / f"performance.{suffix}")
    text = file.read_text(encoding="utf-8")
    assert "digits" in text
    if suffix == "json":
        assert json.loads(text) == json.loads(json.dumps(report.to_dict()))
    if suffix == "csv":
        assert len(pd.read_csv(file)) == 6


def test_what_cannot_be_saved_says_why(report, tmp_path):
    with pytest.raises(InputError, match=r"\.html"):
        report.save(tmp_path / "performance.pdf")
    with pytest.raises(InputError, match="cannot write"):
        report.save(tmp_path / "nowhere" / "performance.md")


@pytest.mark.parametrize("which", ["attempts", "improvements", "trends", "contributions"])
def test_frames_have_a_line_each(report, which):
    frame = report.to_frame(which)
    assert len(frame) == len(getattr(report, which))
    with pytest.raises(InputError, match="attempts"):
        report.to_frame("everything")


def test_a_registered_model_without_history_gives_an_empty_report(home):
    client = MlflowClient(*[home.embedded_uri] * 2)
    client.create_registered_model("quiet")
    report = PerformanceTracker("quiet", settings=home).generate_report()
    assert report.summary == "nothing was attempted with quiet in this time (last 30 days)."
    assert str(report.improvements) == "0"
    assert report.delta_ones == 0
    for rendering in (report.to_html(), report.to_markdown(), report.to_text()):
        assert "quiet" in rendering
    for which in ("attempts", "improvements", "trends", "contributions"):
        frame = report.to_frame(which)
        assert frame.empty
        assert len(frame.columns)
    with pytest.raises(UnknownName, match="quiet"):
        PerformanceTracker("quit", settings=home)


def test_an_unknown_model_is_refused_with_near_names(tried, tmp_path):
    with pytest.raises(UnknownName, match="'digits'"):
        PerformanceTracker("digit", settings=tried)
    nowhere = Settings(home=tmp_path / "nowhere")
    with pytest.raises(UnknownName, match="none at all"):
        PerformanceTracker("digits", settings=nowhere)
    assert not nowhere.home.exists(), "asking makes nothing"


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_foreign_names_stay_text(home, text):
    with Ledger(home.ledger) as ledger:
        scribe = Scribe(ledger)
        scribe.attempt(text, "baseline", contributors=())
        scribe.attempt(text, "promoted", contributors=((text, address(1)),))
        scribe.attempt(text, "reject", contributors=((text, address(1)),), reason=text)
    report = PerformanceTracker(text, settings=home).generate_report("all")
    read = _Text(report.to_html())
    assert not {"script", "img"} & read.tags
    for rendering in (report.to_html(), report.to_markdown(), report.to_text()):
        assert "\u202e" not in rendering
        assert "49" not in rendering.split("hk-over")[-1][:40]
    assert len(report.to_markdown(most=5_000)) <= 5_000


def measured(home: Settings, attempts: int) -> dict[str, float]:
    """Seconds and bytes of a report on so many attempts, the index built before."""
    with Ledger(home.ledger) as ledger:
        fill(ledger, attempts, 1)
    tracker = PerformanceTracker("model-00", settings=home)
    start = time.perf_counter()
    report = tracker.generate_report("all")
    generated = time.perf_counter() - start
    page = report.to_html()
    told = {"seconds": generated, "rendered": time.perf_counter() - start - generated}
    assert len(report.attempts) == attempts
    return told | {"html": len(page.encode()), "markdown": len(report.to_markdown().encode())}


def test_a_report_on_one_attempt_is_small(home):
    assert measured(home, 1)["html"] < 60_000


@pytest.mark.exhaustive
def test_a_report_on_a_thousand_attempts(home):
    """A minute, nearly all of it writing the ledger.

    A page shows the newest; all attempts are in the data.
    """
    found = measured(home, 1_000)
    assert found["html"] < 400_000
    assert found["seconds"] < 15
    assert found["rendered"] < 5
