"""Text, Markdown, HTML and the forest plot: complete, aligned, escaped, never misleading."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from hokusai_mlflow import compare_all
from hokusai_mlflow.comparisons.axis import Axis, axis, tick_label
from hokusai_mlflow.comparisons.cells import line

HOSTILE = "<script>alert('x')</script> | `code` $math$ * [link](http://x) & so on, 北京"
RNG = np.random.default_rng(2)
N = 900
TRUTH = RNG.integers(0, 2, N)
OLD = np.where(RNG.random(N) < 0.75, TRUTH, 1 - TRUTH)
NEW = np.where(RNG.random(N) < 0.85, TRUTH, 1 - TRUTH)


@pytest.fixture(scope="module")
def found():
    part = np.array([HOSTILE, *"abcdefgh"])[RNG.integers(0, 9, N)]
    few = np.arange(N) < 12
    one = np.arange(N) < 1
    return compare_all(
        TRUTH,
        OLD,
        NEW,
        metrics=["accuracy", "f1"],
        slices={"part": part, "few": few, "one": one},
        policy={},
    )


def test_text_is_aligned(found):
    lines = found.to_text().split("\n")[: len(found) + 1]
    ends = {re.search(r"\d(?=  [▲▼·])", line).end() for line in lines[1:-1] if HOSTILE not in line}
    assert len(ends) == 1
    # East Asian letters are two columns wide: the row with two of them is two letters shorter.
    hostile = next(line for line in lines if HOSTILE in line)
    assert re.search(r"\d(?=  [▲▼·])", hostile).end() == ends.pop() - 2
    assert "undefined: expected at least two examples" in lines[-1]


def test_text_says_what_the_figures_are(found):
    told = found.to_text()
    for needed in ("H0: Δ ≤ 10 bps", "adjusted together (Holm)", "80 % power", "verdict: "):
        assert needed in told
    assert found.decision.signature in told


def test_markdown_cells_stay_cells(found):
    lines = found.to_markdown().split("\n")[: len(found) + 2]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {9}
    assert "<script" not in found.to_markdown()


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("br", "meta", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "path":
            assert self.open.pop() == tag


def test_html_is_well_formed_self_contained_and_escaped(found):
    page = found.to_html(page=True, title=HOSTILE)
    parsed = _Tags()
    parsed.feed(page)
    assert parsed.open == []
    names = {tag for tag, _ in parsed.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "a"})
    assert not any({"src", "href", "onclick"} & set(attrs) for _, attrs in parsed.tags)
    assert "url(" not in page
    assert "@import" not in page
    assert "prefers-color-scheme:dark" in page
    assert found._repr_html_() == found.to_html()


def test_html_draws_every_row_and_its_two_intervals(found):
    page = found.to_html()
    assert page.count('class="thick"') == page.count('class="thin"') == len(found) - 1
    assert page.count("<svg") == len(found) + 1
    assert "nan" not in page.lower().replace("alternan", "")


def _inside(figure):
    """Boxes of all texts of a figure, in pixels."""
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    plot = figure.axes[0]
    texts = [*plot.texts, *plot.get_xticklabels(), plot.xaxis.label]
    return [t.get_window_extent(renderer) for t in texts if t.get_text()], figure.bbox


@pytest.mark.parametrize("dark", [False, True])
def test_no_two_labels_of_the_plot_overlap_and_none_is_cut(found, dark):
    boxes, edge = _inside(found.forest_plot(dark=dark))
    for at, box in enumerate(boxes):
        assert box.x0 >= edge.x0
        assert box.x1 <= edge.x1
        assert box.y0 >= edge.y0
        assert box.y1 <= edge.y1
        assert not any(box.overlaps(other) for other in boxes[at + 1 :])


def test_the_plot_has_the_figures_beside_the_bars(found):
    texts = [text.get_text() for text in found.forest_plot().axes[0].texts]
    for row in found:
        told = line(row)
        assert (told.interval.replace("-", "−") or "undefined") in texts
        assert told.improvement.replace("-", "−") in texts


def test_the_axis_shows_the_primary_row_whole_and_cuts_the_extraordinary():
    found = compare_all(
        TRUTH, OLD, NEW, metrics=["accuracy", "f1"], slices={"few": np.arange(N) < 5}
    )
    scale = axis(found)
    assert scale.low < 0 < scale.high
    assert scale.low <= found.primary.ci_low_bps
    assert found.primary.ci_high_bps <= scale.high
    assert scale.clip(found.rows[2].adjusted_low_bps) > found.rows[2].adjusted_low_bps
    assert 0 in scale.ticks
    assert 3 <= len(scale.ticks) <= 12
    assert Axis(-10.0, 30.0, ()).share(0) == 0.25


@pytest.mark.parametrize(
    ("bps", "told"), [(0.0, "0"), (-1500.0, "−1,500"), (0.5, "+0.5"), (20.0, "+20")]
)
def test_ticks(bps, told):
    assert tick_label(bps) == told


def test_equal_models_can_be_drawn():
    same = compare_all(TRUTH, OLD, OLD, metrics="accuracy", min_effect_bps=0)
    assert "+0.0" in same.to_text()
    boxes, _ = _inside(same.forest_plot())
    assert boxes
    assert "<svg" in same.to_html()
