"""The index against the ledger itself, settlement states, pages of rows, rebuilding."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from ledger_world import Scribe, address, fill

from hokusai_mlflow.errors import InputError, UnknownName
from hokusai_mlflow.history import (
    History,
    Listing,
    attempts,
    champions,
    contributors,
    costs,
    findings,
    holdouts,
    improvements,
    models,
    monitoring,
    rewards,
    trends,
)
from hokusai_mlflow.history.fold_attempts import score_interval
from hokusai_mlflow.history.schema import joined_wei, split_wei
from hokusai_mlflow.ledger import Ledger
from hokusai_mlflow.settings import Settings


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("filled")).prepare()
    with Ledger(settings.ledger) as ledger:
        fill(ledger, 120, 4)
    with History.of(settings) as opened:
        yield opened


def test_every_number_is_the_ledgers(filled):
    """Naive sums over all documents, beside the index's answers."""
    entries = filled.ledger.entries()
    closed = [e for e in entries if e.kind == "attempt.closed"]
    outcomes = Counter(e.body["outcome"] for e in closed)
    assert {k: v for k, v in attempts.counts(filled).items() if v} == outcomes
    paid = [e.body["recorded"] for e in entries if e.kind == "settlement.confirmed"]
    totals = rewards.totals(filled)
    assert totals.final == len(paid)
    assert totals.reward == sum(int(p["reward"]) for p in paid)
    assert totals.owner_reward == sum(int(p["owner"]) for p in paid)
    by_account = Counter()
    for one in paid:
        by_account.update({a: int(wei) for a, wei in one["contributors"].items()})
    found = contributors.read(filled, Listing(size=500))
    assert {c.account: c.paid for c in found if c.paid} == dict(by_account)
    evidence = [e.body for e in entries if e.kind == "attempt.evidence"]
    for model in models.read(filled, Listing(size=100)):
        own = [e for e in evidence if e["document"]["model"] == model.name]
        assert model.paid_bps == sum(e["paid_bps"] for e in own)
        assert model.attempts == sum(e.model == model.name for e in closed)
        promoted = [e for e in entries if e.kind == "attempt.promoted" and e.model == model.name]
        assert model.champion_version == promoted[-1].body["version"]


@pytest.mark.parametrize("column", [*attempts.COLUMNS])
@pytest.mark.parametrize("descending", [False, True])
def test_attempts_are_sorted_as_python_sorts(filled, column, descending):
    page = attempts.read(filled, Listing(sort=column, descending=descending, size=200))
    keys = [getattr(a, column) for a in page]
    present = [key for key in keys if key not in (None, "")]
    if column != "metric":
        assert keys[len(keys) - keys.count(None) :] == [None] * keys.count(None)
    ordered = sorted(present, reverse=descending)
    assert present == ordered


def test_pages_cover_everything_once(filled):
    asked = [Listing(size=17, page=page) for page in range(1, 9)]
    seen = [one.id for listing in asked for one in attempts.read(filled, listing)]
    assert len(seen) == len(set(seen)) == 120
    assert attempts.read(filled, Listing(size=17, page=9)).items == ()


def test_a_search_is_text_and_no_pattern(filled):
    assert attempts.read(filled, Listing(search="MODEL-01")).total == 30
    assert attempts.read(filled, Listing(search="model%01")).total == 0
    assert attempts.read(filled, Listing(search="model_01")).total == 0


def test_what_does_not_exist_says_so(filled):
    with pytest.raises(UnknownName, match="did you mean 'model-01'"):
        models.get(filled, "model-1")
    with pytest.raises(UnknownName):
        attempts.get(filled, "nothing")
    with pytest.raises(UnknownName):
        improvements.get(filled, "")
    with pytest.raises(InputError, match="did you mean 'model'"):
        attempts.read(filled, Listing(sort="models"))
    with pytest.raises(InputError, match="no outcome"):
        attempts.read(filled, outcome="won")
    with pytest.raises(InputError, match="1 to 500 rows"):
        Listing(size=501)
    with pytest.raises(ValueError, match="time zone"):
        attempts.read(filled, since=datetime(2026, 1, 1))


def test_times_cut_a_history(filled):
    now = datetime.now(UTC)
    assert attempts.read(filled, since=now - timedelta(hours=1)).total == 120
    assert attempts.read(filled, since=now + timedelta(hours=1)).total == 0
    assert attempts.read(filled, until=now - timedelta(hours=1)).total == 0


@pytest.mark.parametrize(
    ("how", "standing", "state"),
    [
        ("intent", "provisional", "intent"),
        ("waiting", "provisional", "waiting"),
        ("mined", "provisional", "broadcast"),
        ("reorged", "provisional", "broadcast"),
        ("confirmed", "final", "confirmed"),
        ("failed", "failed", "failed"),
        ("", "unpaid", ""),
    ],
)
def test_a_payment_stands_where_the_ledger_says(scribe, history, how, standing, state):
    scribe.attempt("m", settlement=how)
    history.refresh()
    (one,) = improvements.read(history)
    assert (one.standing, one.state) == (standing, state)
    assert one.reward == (150 * 10**16 if how == "confirmed" else 0)
    (contribution,) = contributors.contributed(history)
    # Nothing is called paid that the chain may have taken back.
    assert contribution.paid == (one.reward * 70 // 100 if how == "confirmed" else 0)
    assert improvements.read(history, standing=standing).total == 1
    kinds = [step.kind for step in improvements.steps(history, one.evidence)]
    assert kinds == sorted(kinds, key=kinds.index)
    # What was refused for good was not earned.
    assert models.get(history, "m").paid_bps == (0 if how == "failed" else 150)
    totals = rewards.totals(history)
    expected = {"provisional": 0, "final": 0, "failed": 0} | ({standing: 1} if state else {})
    assert {name: getattr(totals, name) for name in ("provisional", "final", "failed")} == expected


def test_two_names_of_one_account_share_one_payment(scribe, history):
    both = (("east", address(7)), ("west", address(7)))
    scribe.attempt("m", contributors=both)
    history.refresh()
    found = contributors.contributed(history)
    confirmed = history.ledger.entries(kind="settlement.confirmed")[0].body["recorded"]
    assert sum(c.paid for c in found) == int(confirmed["contributors"][address(7)])
    (one,) = contributors.read(history)
    assert (one.contributions, one.models) == (2, 1)


def test_shares_of_more_people_than_one_payment_lists(scribe, history):
    many = tuple((f"person-{i:03}", address(i + 1)) for i in range(250))
    scribe.attempt("m", contributors=many, settlement="")
    history.refresh()
    found = contributors.contributed(history, Listing(size=500)).items
    assert {round(c.share, 9) for c in found} == {1 / 250}


def test_an_index_of_another_ledger_is_made_anew(home, tmp_path, scribe):
    scribe.attempt("old", "baseline")
    with History.of(home) as opened:
        assert models.names(opened) == ("old",)
    with Ledger(f"sqlite:///{tmp_path / 'other.db'}") as ledger:
        Scribe(ledger).attempt("new", "baseline")
        with History(ledger, home.home / "history.db") as opened:
            opened.refresh()
            assert models.names(opened) == ("new",)
            assert attempts.counts(opened)["baseline"] == 1


def test_two_readers_of_one_index(home, scribe):
    with History.of(home) as first, History.of(home) as second:
        scribe.attempt("m", "baseline")
        assert first.refresh() == second.refresh() == 3
        assert attempts.read(first).total == attempts.read(second).total == 1


def test_an_empty_ledger_has_empty_pages(history):
    for read in (models.read, attempts.read, improvements.read, contributors.read):
        page = read(history)
        assert (page.total, page.pages, page.items) == (0, 1, ())
    assert rewards.totals(history).reward == 0
    assert findings.read(history) == ()


def test_the_timeline_has_promotions_and_rollbacks(scribe, history):
    scribe.attempt("m", "baseline", contributors=())
    scribe.attempt("m", "promoted")
    gone = {"version": 1, "digest": "d1", "rolled_back": {"version": 2}, "reason": "gone"}
    for _ in range(2):
        monitoring.record_rollback(history.ledger, model="m", key="r1", **gone)
    history.refresh()
    changes = champions.read(history, "m")
    assert [(c.kind, c.version, c.previous) for c in changes] == [
        ("baseline", 1, None),
        ("promoted", 2, 1),
        ("rolled_back", 1, 2),
    ]
    assert changes[-1].reason == "gone"
    assert models.get(history, "m").champion_version == 1


def test_later_measurements(scribe, history):
    scribe.attempt("m", "baseline", contributors=())
    given = {"model": "m", "version": 1, "metric": "accuracy", "reference": 0.8, "n": 300}
    told = {"inputs": [{"name": "age", "effect": 0.2}], "status": "warn", "reasons": ["older"]}
    monitoring.record_measurement(
        history.ledger, **given, value=0.7, low=0.65, high=0.75, **told, key="a"
    )
    history.refresh()
    (one,) = monitoring.read(history, "m")
    assert (one.value, one.inputs[0]["name"]) == (0.7, "age")
    assert (one.status, one.reasons) == ("warn", ("older",))
    with pytest.raises(InputError, match="within its interval"):
        monitoring.record_measurement(
            history.ledger, **given, value=0.9, low=0.65, high=0.75, key="b"
        )


def test_looks_and_obstacles(scribe, history):
    scribe.attempt("m", "baseline", contributors=())
    scribe.attempt("m", "reject", reason="too small")
    scribe.attempt("m", "hold", reason="too few")
    history.refresh()
    (budget,) = holdouts.read(history, "m")
    assert (budget.spent, budget.retired) == (2, False)
    (obstacle,) = findings.read(history)
    assert (obstacle.code, obstacle.failed, obstacle.insufficient) == ("significance", 1, 1)
    assert obstacle.message == "too few"
    assert trends.names(history, "m")[0] == "accuracy"
    assert trends.read(history, "m", "accuracy")[-1].number == 3


@pytest.mark.parametrize(
    ("base", "candidate", "change", "ends", "expected"),
    [
        (0.8, 0.82, 0.02, (100, 300), (0.81, 0.83)),
        (0.5, 0.4, 0.1, (500, 1500), (0.35, 0.45)),
        (2.0, 1.0, 0.6931471805599453, (0, 6931.471805599453), (1.0, 2.0)),
        (0.8, 0.82, 0.02, (None, 300), (None, None)),
    ],
)
def test_the_interval_of_a_score(base, candidate, change, ends, expected):
    compared = {"baseline": base, "candidate": candidate, "improvement": change}
    compared |= {"ci_low_bps": ends[0], "ci_high_bps": ends[1]}
    assert score_interval(compared) == pytest.approx(expected)


def test_wei_are_kept_to_the_last():
    for wei in (0, 1, 10**12 - 1, 10**30 + 7):
        parts = split_wei("x", wei)
        assert joined_wei(parts["x_micro"], parts["x_rest"]) == wei


def test_everything_is_json(filled):
    found = [read(filled) for read in (models.read, attempts.read, improvements.read)]
    found += [contributors.read(filled), contributors.contributed(filled)]
    for page in found:
        json.dumps(page.to_dict(), allow_nan=False)
        assert "\n" not in repr(page.items[0])
    json.dumps(rewards.totals(filled).to_dict(), allow_nan=False)


def test_costs_are_read_from_the_home(home):
    assert costs.read(home).is_empty
    (home.home / "costs.yaml").write_text("currency: EUR\ntraining: 3\nmodels: {m: 7}\n")
    read = costs.read(home)
    assert (read.training_of("m"), read.training_of("n"), read.currency) == (7, 3, "EUR")
    (home.home / "costs.yaml").write_text("trainings: 3\n")
    with pytest.raises(InputError, match="must give currency"):
        costs.read(home)
