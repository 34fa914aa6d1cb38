"""The dashboard beside MLflow in a real browser, on a store that the pipeline made.

`make ui-tests` runs them: making the store takes most of their time (about two minutes).
"""

import csv
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hokusai_mlflow.history import (
    History,
    Listing,
    attempts,
    contributors,
    improvements,
    models,
    rewards,
)

sync_api = pytest.importorskip("playwright.sync_api")

# The first one waits for the store, on a machine that may be busy with the contracts.
pytestmark = pytest.mark.timeout(900)

CHROMIUM = os.environ.get("HOKUSAI_CHROMIUM", "/usr/bin/chromium")
AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FLAGS += ["--no-first-run", "--disable-sync"]
PREFIX = "/tracking"


@pytest.fixture(scope="module")
def server(pipeline_home):
    """`hokusai ui` behind a prefix; gives the address of the dashboard."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "hokusai_mlflow.cli", "ui", "--port", str(port)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOKUSAI_", "MLFLOW_"))}
    env = kept | {"HOKUSAI_HOME": str(pipeline_home.home)}
    with subprocess.Popen([*command, "--prefix", PREFIX], env=env) as process:
        root = f"http://127.0.0.1:{port}{PREFIX}/hokusai/"
        until = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(root, timeout=30):
                    break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.3)
        yield root
        process.terminate()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, server):
    """A page that fails its test on console errors and on requests to anywhere else."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    opened = context.new_page()
    told, asked = [], []
    opened.on("console", lambda m: told.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda problem: told.append(str(problem)))
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert told == []
    origin = urlsplit(server).netloc
    assert {urlsplit(url).netloc for url in asked} == {origin}
    assert all(urlsplit(url).path.startswith(PREFIX) for url in asked)


@pytest.fixture(scope="module")
def addresses(pipeline_home):
    """Every kind of page, with one or two of each."""
    with History.of(pipeline_home) as history:
        names = models.names(history)
        one = contributors.read(history).items[0].account
        picked = [
            attempts.read(history, Listing(size=1), outcome=outcome).items[0].id
            for outcome in ("promoted", "reject", "hold", "baseline")
        ]
    main = ["", "attempts/", "rewards/", "contributors/", "analytics/", "troubleshooting/"]
    return [
        *main,
        *(f"models/{name}/" for name in names[:2]),
        f"contributors/{one}/",
        *(f"attempts/{attempt}/" for attempt in picked),
    ]


def test_the_store_is_what_it_is_said_to_be(pipeline_home):
    with History.of(pipeline_home) as history:
        counts = attempts.counts(history)
        assert len(models.names(history)) == 3
        assert sum(counts.values()) == 60
        assert counts["promoted"] >= 25
        assert counts["reject"] >= 5
        assert counts["hold"] >= 2
        assert contributors.read(history).total == 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_every_page_fits_and_is_accessible(page, server, addresses, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for address in addresses:
        page.goto(server + address)
        assert page.locator("h1").count() == 1, address
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, (address, wide)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            (one["id"], one["nodes"][0]["html"][:200])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], address
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark == ("rgb(20, 22, 26)" if scheme == "dark" else "rgb(255, 255, 255)")


def test_links_are_followed_by_hand(page, server):
    page.goto(server)
    page.get_by_role("link", name="house-prices").click()
    assert page.get_by_role("heading", level=1).inner_text() == "house-prices"
    page.get_by_role("link", name="#2", exact=True).click()
    page.get_by_role("heading", name="Requirements").wait_for()
    page.get_by_role("link", name="house-prices").first.click()
    for title in ("Attempts", "Rewards", "Contributors", "Analytics", "Troubleshooting", "Models"):
        page.get_by_role("navigation").get_by_role("link", name=title, exact=True).click()
        assert page.get_by_role("heading", level=1).inner_text() == title


def test_mlflow_is_beside_it(page, server):
    answer = page.request.get(server + "../health")
    assert (answer.status, answer.text()) == (200, "OK")
    page.goto(server)
    address = page.get_by_role("link", name="MLflow").get_attribute("href")
    assert page.request.get(server + address).status == 200


def test_sorting_filtering_and_paging(page, server, pipeline_home):
    page.goto(server + "attempts/")
    head = page.get_by_role("columnheader", name="Improvement")
    head.get_by_role("link").click()
    assert head.get_attribute("aria-sort") == "descending"
    shown = page.locator("tbody tr td:nth-child(5) > bdi").all_inner_texts()
    values = [float(text.replace(",", "").replace("−", "-")) for text in shown]
    assert len(values) == 25
    assert values == sorted(values, reverse=True)
    page.get_by_role("columnheader", name="Improvement").get_by_role("link").click()
    assert head.get_attribute("aria-sort") == "ascending"
    page.get_by_role("link", name="Next").click()
    assert "Page 2 of 3" in page.get_by_role("navigation", name="Pages of").inner_text()
    page.get_by_label("Verdict").select_option("promoted")
    page.wait_for_url("**outcome=promoted**")
    assert set(page.locator("tbody .chip").all_inner_texts()) == {"promoted"}
    page.get_by_label("Search").fill("energy")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=energy**")
    with History.of(pipeline_home) as history:
        wanted = attempts.read(history, model="energy-load", outcome="promoted").total
    assert page.locator("h2 .count").inner_text() == str(wanted)
    page.get_by_role("link", name="clear").click()
    assert page.locator("h2 .count").inner_text() == "60"


def test_downloads(page, server):
    page.goto(server + "contributors/")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text().splitlines()))
    assert len(rows) == 40
    address = page.get_by_role("link", name="JSON", exact=True).get_attribute("href")
    told = page.request.get(page.url.split("?")[0] + address).json()
    assert told["total"] == 40
    assert told["items"][0]["account"] == rows[0]["account"]


def test_the_theme_is_chosen_and_kept(page, server):
    page.goto(server)
    page.get_by_role("button", name="Switch to dark").click()
    page.goto(server + "rewards/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"
    page.get_by_role("button", name="Switch to light").click()


def test_the_keyboard_is_enough(page, server):
    page.goto(server)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "crop-types":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/crop-types/")


def test_the_calculator_and_the_comparison(page, server):
    page.goto(server + "analytics/")
    form = page.locator("#calculator")
    assert "225 bps" in form.inner_text()
    form.get_by_label("Candidate").fill("0.9")
    form.get_by_role("button", name="Calculate").click()
    page.wait_for_url("**candidate=0.9**")
    assert "500 bps" in page.locator("#calculator").inner_text()
    page.locator("#compare").get_by_label("Model").select_option("house-prices")
    page.wait_for_url("**model=house-prices**")
    assert "Version" in page.locator("#compare table").inner_text()


def test_rewards_equal_the_chain(page, server, pipeline_home):
    until = time.monotonic() + 60
    while True:
        page.goto(server + "rewards/")
        told = page.locator("main").inner_text()
        if "Equal to the chain" in told or time.monotonic() > until:
            break
        time.sleep(1)
    assert "Equal to the chain" in told
    assert page.locator("tr.bad").count() == 0
    with History.of(pipeline_home) as history:
        (check,) = rewards.checks(history)
        totals = rewards.totals(history)
        assert int(check.audit["paid_on_chain"]) == totals.reward
        assert totals.gas_known == totals.final > 15
        assert totals.gas_spent > 0
        final = improvements.read(history, standing="final").total
    assert f"{final} payments" in told


def test_a_printed_page_has_no_controls(page, server):
    page.goto(server + "models/house-prices/")
    page.emulate_media(media="print")
    assert not page.locator(".asked").first.is_visible()
    assert not page.get_by_role("button", name="Switch").is_visible()
    assert page.locator("svg.chart").first.is_visible()


def test_the_figures_of_report_page_and_data_are_the_same(page, server):
    told = page.request.get(server + "api/improvements.json?size=1&standing=final").json()
    (one,) = told["items"]
    page.goto(server + f"attempts/{one['id']}/")
    shown = page.locator("main").inner_text()
    assert f"{one['improvement_bps']:+,.0f}".replace("-", "−") in shown
    assert one["tx_hash"][:18] in shown
    assert json.dumps(one["block"]) in shown


def test_no_endpoint_answers_with_a_server_error(server, tmp_path):
    """schemathesis over the OpenAPI document: whatever is asked, no 5xx."""
    pytest.importorskip("schemathesis")
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server}api/openapi.json"]
    command += ["--url", server.rstrip("/"), "--checks", "not_a_server_error"]
    command += ["--max-examples", "15", "--seed", "1", "--no-color", "--workers", "1"]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=200, check=False, cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stdout[-3_000:] + ran.stderr[-1_000:]
