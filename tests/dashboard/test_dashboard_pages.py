"""Pages over HTTP: foreign text stays text, nothing can be changed, nothing breaks."""

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from ledger_world import NASTY, fill
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from hokusai_mlflow.dashboard import calculations
from hokusai_mlflow.dashboard.addresses import named, slug
from hokusai_mlflow.dashboard.serving import pages
from hokusai_mlflow.dashboard.site import build
from hokusai_mlflow.dashboard.views import Site
from hokusai_mlflow.deltaone import WAD
from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.history import (
    History,
    Listing,
    attempts,
    contributors,
    costs,
    models,
    rewards,
)
from hokusai_mlflow.ledger import Ledger

ROOT = "/some/prefix/hokusai/"
MAIN = ["", "attempts/", "rewards/", "contributors/", "analytics/", "troubleshooting/"]


def client_of(settings) -> TestClient:
    mounted = Mount(ROOT.rstrip("/"), app=pages(settings, watch=False))
    return TestClient(Starlette(routes=[mounted]), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def hostile(hostile_home):
    return client_of(hostile_home)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def elements(text: str) -> list[tuple[str, dict]]:
    parser = _Elements()
    parser.feed(text)
    return parser.tags


def all_pages(settings) -> list[str]:
    with History.of(settings) as history:
        return [
            *MAIN,
            *(f"models/{slug(name)}/" for name in models.names(history)),
            *(f"contributors/{slug(one)}/" for one in contributors.names(history)),
            *(f"attempts/{a.id}/" for a in attempts.read(history, Listing(size=500))),
        ]


def test_foreign_text_is_text_on_every_page(hostile, hostile_home):
    shown = 0
    for page in all_pages(hostile_home):
        answer = hostile.get(ROOT + page)
        assert answer.status_code == 200, page
        for tag, attributes in elements(answer.text):
            assert tag != "img", page
            assert not any(name.startswith("on") for name in attributes), page
            assert "style" not in attributes, page
            assert tag != "script" or attributes.get("src", "").count("static/page.") == 1, page
            assert tag != "style", page
            address = attributes.get("href") or attributes.get("src") or ""
            assert not address.lower().startswith(("javascript:", "data:", "http")), page
        assert "<script>alert" not in answer.text
        assert "\u202e" not in answer.text, page
        shown += "{{ 7 * 7 }}" in answer.text
    assert shown > 5


def test_a_strict_policy_on_every_answer(hostile):
    for page in (*MAIN, "nothing/", "api/models.json", "?page=0"):
        headers = hostile.get(ROOT + page).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("page", ["", "attempts/", "api/models.json", "nothing"])
def test_everything_is_only_read(hostile, method, page):
    answer = hostile.request(method, ROOT + page)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_head_is_get_without_a_body(hostile):
    head, get = hostile.head(ROOT), hostile.get(ROOT)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize(
    "path",
    [
        "../../../etc/passwd",
        "static/../../../etc/passwd",
        "static/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "models/%2e%2e%2f%2e%2e%2fetc%2fpasswd/",
        "attempts/..%2f..%2fetc/",
        "models/%00/",
        "contributors/~ffffffffffffffffffffffff/",
        "models/" + "x" * 139 + "/",
        "api/models/%F0%9F%92%A5.json",
        "?page=0",
        "?page=99999999999999999999",
        "?size=100000",
        "?sort=" + "x" * 41,
        "?sort=nothing",
        "?q=" + "x" * 101,
        "attempts/?outcome=nothing",
        "rewards/?standing=nothing",
        "analytics/?first=0",
        "analytics/?baseline=nan",
        "analytics/?share=101",
        "api/attempts.xml",
        "api/calculator.json?metric=mae&baseline=0&candidate=1",
    ],
)
def test_what_cannot_be_shown_is_refused(hostile, path):
    answer = hostile.get(ROOT + path)
    assert 400 <= answer.status_code < 500, answer.status_code
    assert "root:" not in answer.text


@pytest.mark.parametrize("path", ["?q=" + "x" * 5_000, "x" * 2_100])
def test_long_addresses_are_refused(hostile, path):
    assert hostile.get(ROOT + path).status_code == 414


def test_wrong_figures_in_a_form_say_what_is_wrong(hostile):
    answer = hostile.get(ROOT + "analytics/?metric=mae&baseline=-1&candidate=2")
    assert answer.status_code == 200
    assert "mae is a loss: expected two values above 0" in answer.text


def test_addresses_without_the_last_slash_lead_to_it(hostile):
    answer = hostile.get(ROOT + "attempts?q=abc", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "attempts/?q=abc")


def test_no_spreadsheet_computes_a_name(hostile):
    rows = list(csv.DictReader(io.StringIO(hostile.get(ROOT + "api/models.csv").text)))
    names = [row["name"] for row in rows]
    assert "'" + NASTY["formula"] in names
    assert NASTY["long"] in names
    assert not any(name.startswith(("=", "+", "-", "@")) for name in names)


def test_links_lead_somewhere(hostile, hostile_home):
    """Every link of every page, once."""
    seen = set()
    for page in all_pages(hostile_home):
        answer = hostile.get(ROOT + page)
        base = answer.url
        for _, attributes in elements(answer.text):
            address = attributes.get("href") or attributes.get("src")
            if address and not address.startswith("#"):
                found = base.join(address)
                if str(found.path).startswith(ROOT):
                    seen.add(str(found.copy_with(fragment=None)))
    known = {str(base.join(ROOT + page)) for page in all_pages(hostile_home)}
    assert known <= seen
    # Those were asked for above.
    for address in seen - known:
        assert hostile.get(address).status_code == 200, address


def test_the_openapi_document_names_every_table(hostile):
    document = hostile.get(ROOT + "api/openapi.json").json()
    assert len(document["paths"]) >= 15
    assert all(path.startswith("/api/") for path in document["paths"])
    assert all(set(item) == {"get"} for item in document["paths"].values())


def test_a_csv_has_all_rows_and_json_one_page(home):
    with Ledger(home.ledger) as ledger:
        fill(ledger, 60, 2)
    client = client_of(home)
    rows = list(csv.DictReader(io.StringIO(client.get(ROOT + "api/attempts.csv").text)))
    assert len(rows) == 60
    page = client.get(ROOT + "api/attempts.json?size=7&page=2").json()
    assert (page["total"], page["pages"], len(page["items"])) == (60, 9, 7)
    assert page["items"][0]["id"] == rows[7]["id"]
    down = client.get(ROOT + "api/attempts.csv?sort=improvement_bps&desc=1").text
    told = [
        float(r["improvement_bps"])
        for r in csv.DictReader(io.StringIO(down))
        if r["improvement_bps"]
    ]
    assert told == sorted(told, reverse=True)


def test_a_payment_that_the_chain_does_not_know_is_red(home, scribe, history):
    scribe.attempt("m")
    history.refresh()
    (evidence,) = [e.key for e in history.ledger.entries(kind="settlement.intent")]
    contract = history.ledger.entries(kind="settlement.intent")[0].body["contract"]
    client = client_of(home)
    assert "not compared" in client.get(ROOT + "rewards/").text
    told = {"block": 100, "payments": 1, "paid_on_chain": "0", "under_way": 0, "differences": []}
    rewards.keep_check(history, contract, audit=told)
    assert "Equal to the chain" in client.get(ROOT + "rewards/").text
    wrong = f"evidence {evidence} is confirmed in the ledger, but the contract recorded none"
    rewards.keep_check(history, contract, audit=told | {"differences": [wrong]})
    page = client.get(ROOT + "rewards/").text
    assert '<tr class="bad">' in page
    assert "differ in 1 place." in page
    assert "Ledger and chain differ" in client.get(ROOT + "troubleshooting/").text


def test_an_empty_store_has_pages(home):
    client = client_of(home)
    for page in MAIN:
        assert client.get(ROOT + page).status_code == 200, page
    assert "hokusai run pipeline.yaml" in client.get(ROOT).text


def test_a_ledger_that_fails_is_told_and_no_stack(home, monkeypatch):
    client = client_of(home)

    def broken(self):
        from hokusai_mlflow.errors import LedgerError

        raise LedgerError("the disk of the ledger is full; make room")

    monkeypatch.setattr(History, "refresh", broken)
    answer = client.get(ROOT)
    assert (answer.status_code, "make room" in answer.text) == (503, True)
    assert "Traceback" not in answer.text


def test_the_static_site_has_every_page_and_only_relative_links(hostile_home, tmp_path):
    with History.of(hostile_home) as history:
        site = Site(history, costs.Costs(), mlflow="")
        count = build(site, tmp_path / "site")
        assert build(site, tmp_path / "site") == count
    folder = (tmp_path / "site").resolve()
    found = [*folder.rglob("*.html")]
    assert len(found) == len(all_pages(hostile_home))
    for page in found:
        for tag, attributes in elements(page.read_text(encoding="utf-8")):
            address = attributes.get("href") or attributes.get("src") or ""
            assert tag != "form"
            if not address or address.startswith("#"):
                continue
            target = (page.parent / address.split("#")[0].split("?")[0]).resolve()
            assert target.is_relative_to(folder), address
            assert target.is_file(), (page, address)
    with pytest.raises(InputError, match="no earlier build"):
        build(site, tmp_path)


def test_slugs_lead_back():
    names = [*NASTY.values(), "plain", "a.b-c_d", "..", ".", "", "x.json", "ü"]
    assert len({slug(name) for name in names}) == len(names)
    for name in names:
        assert named(slug(name), names) == name
        assert re.fullmatch(r"~?[A-Za-z0-9][A-Za-z0-9_.-]*", slug(name))
    with pytest.raises(UnknownName):
        named("nothing", names)


def test_the_calculator_is_the_guides_example():
    found = calculations.reward("accuracy", 0.85, 0.8725, share_percent=50)
    assert (found.bps, found.delta_ones) == (225, 2.25)
    assert found.reward == 225 * WAD // 100
    assert found.contributors + found.owner == found.reward
    assert (found.contributors, found.share) == (1575 * WAD // 1000, 7875 * WAD // 10_000)
    less = calculations.reward("accuracy", 0.85, 0.8505)
    assert (less.bps, less.is_paid, less.reward) == (5, False, 0)
    # Two halvings pay what one quartering pays.
    once = calculations.reward("rmse", 4, 1).bps
    assert once == calculations.reward("mae", 4, 1).bps == 13862
    assert abs(once - 2 * calculations.reward("rmse", 4, 2).bps) <= 1


def test_versions_are_compared_directly_or_along_the_lineage(scribe, history):
    scribe.attempt("m", "baseline", contributors=())
    scribe.attempt("m", "promoted", improvement_bps=300)
    scribe.attempt("m", "reject", improvement_bps=-50)
    scribe.attempt("m", "promoted", improvement_bps=200)
    history.refresh()
    direct = calculations.compare(history, "m", 2, 4)
    assert direct.direct.improvement_bps == 200
    chained = calculations.compare(history, "m", 1, 4)
    assert (chained.chain, chained.chained_bps) == ((1, 2, 4), 500)
    assert calculations.compare(history, "m", 4, 1).chain == ()
    with pytest.raises(UnknownName, match="no version 9"):
        calculations.compare(history, "m", 1, 9)


def test_return_on_cost(scribe, history):
    scribe.attempt("m", "baseline", contributors=())
    scribe.attempt("m", "promoted", paid_bps=200)
    history.refresh()
    priced = costs.Costs(delta_one=100, gas_coin=1, training=40)
    (found,) = calculations.returns(history, priced, models.read(history).items)
    assert (found.reward_value, found.training_cost, found.gas_cost) == (200, 80, 0)
    assert (found.roi, found.cost_per_delta_one) == (1.5, 40)
    (unpriced,) = calculations.returns(history, costs.Costs(), models.read(history).items)
    assert (unpriced.roi, unpriced.training_cost, unpriced.reward_value) == (None, None, None)
