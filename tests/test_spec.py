import copy
import json

import pytest
import yaml

from hokusai_mlflow.errors import MissingInput, SpecError
from hokusai_mlflow.spec import Spec, load_spec

OWNER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
EAST = "0x00000000000000000000000000000000000000a1"
WEST = "0x00000000000000000000000000000000000000a2"
SECRET = "a-very-secret-split-key"
GIVEN = {
    "model": "digits",
    "task": "classification",
    "recipe": "recipe.py",
    "metric": "accuracy",
    "owner": OWNER,
    "data": {"pool": "pool.csv", "target": "digit", "split": {"reference": 0.5, "payment": 0.2}},
    "contributors": [
        {"name": "east", "address": EAST, "data": "east.csv"},
        {"name": "west", "address": WEST, "data": "west.csv"},
    ],
    "gate": {"detectable_bps": 700},
    "cross_validation": {"repeats": 2},
    "valuation": {"folds": 3},
    "chain": {"confirmations": 2},
}


def _with(path, value):
    given = copy.deepcopy(GIVEN)
    node = given
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return given


def _load(tmp_path, given):
    path = tmp_path / "pipeline.yaml"
    path.write_text(given if isinstance(given, str) else yaml.safe_dump(given, sort_keys=False))
    return load_spec(path)


def _refusal(tmp_path, given):
    with pytest.raises(SpecError) as caught:
        _load(tmp_path, given)
    return str(caught.value)


def test_a_good_spec_is_read_with_defaults_for_what_it_leaves_out(tmp_path):
    spec = _load(tmp_path, GIVEN)
    assert spec.gate.detectable_bps == 700
    assert spec.gate.min_improvement_bps == 10
    assert (spec.cross_validation.repeats, spec.cross_validation.folds) == (2, 10)
    assert (spec.pay, spec.seed, spec.chain.confirmations) == ("fresh", 0, 2)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (("recipee",), "recipe"),
        (("data", "traget"), "target"),
        (("data", "split", "refrence"), "reference"),
        (("contributors", 1, "adress"), "address"),
        (("gate", "quotas"), "quota"),
        (("cross_validation", "fold"), "folds"),
        (("valuation", "repeat"), "repeats"),
        (("chain", "rpc_ulr"), "rpc_url"),
    ],
)
def test_an_unknown_key_is_named_with_what_was_meant(tmp_path, path, meant):
    told = _refusal(tmp_path, _with(path, 1))
    where = ".".join(map(str, path))
    assert f"{where}: unknown key; did you mean '{meant}'?" in told
    assert str(tmp_path / "pipeline.yaml") in told


def test_a_key_like_no_other_gets_the_known_ones(tmp_path):
    assert "known are 'hours', 'via'" in _refusal(tmp_path, GIVEN | {"approval": {"zzz": 1}})


@pytest.mark.parametrize("key", ["model", "task", "recipe", "owner", "data"])
def test_a_missing_key_is_named(tmp_path, key):
    given = {k: v for k, v in GIVEN.items() if k != key}
    assert f"{key}: missing; this key is required" in _refusal(tmp_path, given)


def test_every_mistake_is_told_at_once(tmp_path):
    given = _with(("gate", "quotas"), 1) | {"seed": -1, "task": "clustering"}
    told = _refusal(tmp_path, given)
    assert len(told.splitlines()) == 4
    assert "task: Input should be 'classification', 'regression', " in told
    assert "or 'human' (found 'clustering')" in told


ADDRESSES = {
    "missing": (None, "missing; this key is required"),
    "empty": ("", "0x and 40 hexadecimal digits"),
    "short": (EAST[:-1], "0x and 40 hexadecimal digits"),
    "long": (EAST + "0", "0x and 40 hexadecimal digits"),
    "no prefix": (EAST[2:], "0x and 40 hexadecimal digits"),
    "not hexadecimal": ("0x" + "g" * 40, "0x and 40 hexadecimal digits"),
    "bad checksum": (OWNER[:-1] + "D", "right checksum"),
    "zero": ("0x" + "0" * 40, "zero address"),
    "a name": ("east.eth", "0x and 40 hexadecimal digits"),
    "trailing newline": (EAST + "\n", "0x and 40 hexadecimal digits"),
}


@pytest.mark.parametrize(("address", "said"), ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("where", ["owner", "contributors.0.address"])
def test_an_address_that_cannot_be_paid_is_refused(tmp_path, where, address, said):
    path = [int(step) if step.isdigit() else step for step in where.split(".")]
    given = _with(path, address)
    if address is None:
        node = given if len(path) == 1 else given["contributors"][0]
        del node[path[-1]]
    assert any(
        line.strip().startswith(f"{where}: ") and said in line
        for line in _refusal(tmp_path, given).splitlines()
    )


def test_an_address_without_quotes_is_a_number_to_yaml(tmp_path):
    text = yaml.safe_dump(GIVEN, sort_keys=False).replace(f"'{EAST}'", EAST)
    assert EAST in text
    assert "contributors.0.address: an address must be quoted" in _refusal(tmp_path, text)


def test_addresses_are_kept_with_their_checksum(tmp_path):
    assert _load(tmp_path, GIVEN | {"owner": OWNER.lower()}).owner == OWNER


@pytest.mark.parametrize(("field", "value"), [("name", "east"), ("data", "east.csv")])
def test_nobody_contributes_twice(tmp_path, field, value):
    told = _refusal(tmp_path, _with(("contributors", 1, field), value))
    assert f"two contributors have the same {field}: {value}" in told


def test_two_contributors_may_share_an_account(tmp_path):
    spec = _load(tmp_path, _with(("contributors", 1, "address"), EAST))
    assert len({contributor.address for contributor in spec.contributors}) == 1


def test_contributors_may_be_more_than_one_payment_lists(tmp_path):
    many = [{"name": f"c{i}", "address": EAST, "data": f"{i}.csv"} for i in range(201)]
    assert len(_load(tmp_path, GIVEN | {"contributors": many}).contributors) == 201


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"method": "shapely"}, "valuation.method"),
        ({"precision": 0}, "valuation.precision"),
        ({"runner": "processes", "scheduler": "tcp://a:1"}, "set runner: dask"),
        ({"runner": "dask", "scheduler": "tcp://a:1", "workers": 2}, "has its own"),
    ],
)
def test_a_valuation_that_cannot_be_is_refused(tmp_path, plan, told):
    assert told in _refusal(tmp_path, GIVEN | {"valuation": plan})


@pytest.mark.parametrize("name", ["", "../up", "a/b", "-x", "a b", "a'b", "x" * 101])
def test_names_are_fit_for_files_and_filters(tmp_path, name):
    assert "model: " in _refusal(tmp_path, GIVEN | {"model": name})
    assert "contributors.0.name: " in _refusal(tmp_path, _with(("contributors", 0, "name"), name))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"metric": "acuracy"}, "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        ({"also_log": ["f1", "precison"]}, "unknown metric 'precison'; did you mean 'precision'?"),
        (
            {"metric": "f1", "metric_options": {"averge": "macro"}},
            "metric 'f1' has no option 'averge'; did you mean 'average'?",
        ),
        ({"metric": "f1", "metric_options": {"average": "makro"}}, "'macro'"),
        ({"metric_options": {"cap": 3}}, "metric 'accuracy' has no option 'cap'"),
        ({"task": "regression", "metric": "rmse"}, "needs metric_options: {cap: …}"),
        ({"task": "regression", "metric": "mae", "metric_options": {"cap": -1}}, "to be positive"),
    ],
)
def test_a_metric_that_cannot_be_paid_is_refused(tmp_path, changed, said):
    assert said in _refusal(tmp_path, GIVEN | changed)


def test_the_metric_follows_from_the_task(tmp_path):
    given = {k: v for k, v in GIVEN.items() if k != "metric"}
    assert _load(tmp_path, given).metric == "accuracy"
    capped = {"task": "regression", "metric_options": {"cap": 400}}
    assert _load(tmp_path, given | capped).metric == "rmse"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("data", "split", "payment"), 0, "pay: fresh needs data.split.payment above 0"),
        (("data", "split", "payment"), 0.5, "leave nothing to hold out"),
        (("data", "split", "reference"), 1.0, "data.split.reference: "),
        (("data", "split", "holdouts"), 0, "data.split.holdouts: "),
        (("gate", "detectable_bps"), 10, "must be above min_improvement_bps"),
        (("gate", "min_improvement_bps"), 9, "gate.min_improvement_bps: "),
        (("chain", "rpc_url"), "http://127.0.0.1:8545", "needs the chain_id"),
        (("chain", "finality"), "soon", "expected a number of blocks from 1 to 1000, 'safe' or"),
        (("chain", "finality"), True, "expected a number of blocks"),
        (("chain", "finality"), 3, "finality and confirmations say the same"),
        (("cross_validation", "folds"), 1, "cross_validation.folds: "),
        (("pay",), "later", "pay: "),
        (("data",), "pool.csv", "data: "),
    ],
)
def test_what_does_not_hang_together_is_refused(tmp_path, path, value, said):
    assert said in _refusal(tmp_path, _with(path, value))


def test_without_a_payment_part_something_else_is_paid(tmp_path):
    given = _with(("data", "split", "payment"), 0) | {"pay": "lower_bound"}
    assert _load(tmp_path, given).pay == "lower_bound"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "42"])
def test_something_else_than_keys_and_values_is_refused(tmp_path, text):
    assert "expected keys and values" in _refusal(tmp_path, text)


ENDPOINTS = {
    "https://node.example/v3/0123456789abcdef0123456789abcdef": False,
    "https://node.example/rpc?apikey=1": False,
    "https://me:word@node.example": False,
    "https://node.example/ext/bc/C/rpc": True,
    "http://127.0.0.1:8545": True,
}


@pytest.mark.parametrize(("url", "plain"), ENDPOINTS.items())
def test_an_access_key_stays_out_of_the_spec(tmp_path, url, plain):
    given = _with(("chain",), {"rpc_url": url, "chain_id": 1})
    if plain:
        assert _load(tmp_path, given).chain.rpc_url == url
        return
    told = _refusal(tmp_path, given)
    assert "HOKUSAI_RPC_URL" in told
    assert url not in told


def test_a_key_given_twice_is_told_with_its_line(tmp_path):
    told = _refusal(tmp_path, yaml.safe_dump(GIVEN) + "seed: 1\nseed: 2\n")
    assert "the key 'seed' is given twice" in told
    assert "line" in told


def test_broken_yaml_is_told_with_its_line(tmp_path):
    told = _refusal(tmp_path, "model: a\n  task: [\n")
    assert "not valid YAML" in told
    assert "line 2" in told


def test_yaml_runs_no_code(tmp_path):
    marker = tmp_path / "ran"
    _refusal(tmp_path, f"model: !!python/object/apply:os.mkdir ['{marker}']\n")
    assert not marker.exists()


def test_a_missing_or_unreadable_file_is_told(tmp_path):
    with pytest.raises(MissingInput, match="hokusai init"):
        load_spec(tmp_path / "pipeline.yaml")
    with pytest.raises(MissingInput, match="cannot read"):
        load_spec(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"model: caf\xe9\n")
    with pytest.raises(MissingInput, match="cannot read"):
        load_spec(tmp_path / "latin.yaml")


def test_the_split_key_is_never_shown(tmp_path):
    spec = _load(tmp_path, _with(("data", "split", "key"), SECRET))
    assert spec.data.split.key.get_secret_value() == SECRET
    for shown in (repr(spec), str(spec), json.dumps(spec.to_dict()), spec.model_dump_json()):
        assert SECRET not in shown
    assert "key" not in spec.to_dict()["data"]["split"]


@pytest.mark.parametrize("key", [123456789123, [SECRET], {"a": SECRET}, 1.5])
def test_a_split_key_of_another_kind_is_not_shown_in_the_message(tmp_path, key):
    told = _refusal(tmp_path, _with(("data", "split", "key"), key))
    assert "data.split.key: " in told
    assert "123456789123" not in told
    assert SECRET not in told


def test_a_mistake_beside_the_split_key_does_not_show_it(tmp_path):
    for path, value in ((("data", "split", "payment"), 0.9), (("data", "split", "paymnet"), 1)):
        given = _with(path, value)
        given["data"]["split"]["key"] = SECRET
        assert SECRET not in _refusal(tmp_path, given)


def test_what_is_written_reads_back_as_the_same_spec(tmp_path):
    spec = _load(tmp_path, GIVEN)
    assert Spec.model_validate(json.loads(json.dumps(spec.to_dict()))) == spec


TOLD_APART = {"group": "writer", "blocks": "site", "slices": ["hand", "site"], "time": "day"}


@pytest.mark.parametrize(
    ("task", "data", "plan", "splitter"),
    [
        ("classification", {}, {}, "stratified"),
        ("regression", {}, {}, "shuffled"),
        ("classification", {"group": "writer"}, {}, "stratified_grouped"),
        ("regression", {"group": "writer"}, {}, "grouped"),
        ("regression", {"time": "day"}, {}, "time"),
        ("classification", TOLD_APART, {}, "time"),
        ("classification", TOLD_APART, {"splitter": "grouped"}, "grouped"),
        ("classification", {}, {"splitter": "shuffled"}, "shuffled"),
        ("classification", {}, {"splitter": "sklearn.model_selection:KFold"}, None),
    ],
)
def test_folds_are_cut_as_task_and_data_ask_for(tmp_path, task, data, plan, splitter):
    options = {} if task == "classification" else {"cap": 9}
    metric = {"metric": "accuracy" if not options else "mae", "metric_options": options}
    given = GIVEN | {"task": task, "cross_validation": plan} | metric
    spec = _load(tmp_path, given | {"data": GIVEN["data"] | data})
    assert spec.splitter == splitter or plan["splitter"]
    # Time has one order; contributions are valued on several all the same.
    assert spec.cross_validation.repeats == (1 if splitter == "time" else 10)
    assert spec.valuation_splitter != "time"
    assert Spec.model_validate(spec.to_dict()) == spec.model_copy(
        update={"data": spec.data.model_copy(update={"split": spec.data.split})}
    )


def test_columns_that_tell_examples_apart_are_each_read_once(tmp_path):
    given = GIVEN | {"cross_validation": {}, "data": GIVEN["data"] | TOLD_APART}
    spec = _load(tmp_path, given)
    assert spec.data.metadata == ("writer", "site", "hand", "day")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cross_validation": {"splitter": "stratifed"}}, "did you mean 'stratified'"),
        ({"cross_validation": {"splitter": "nobody:Fold"}}, "cannot be imported"),
        ({"cross_validation": {"splitter": "grouped"}}, "needs data.group"),
        ({"cross_validation": {"splitter": "time"}}, "needs data.time"),
        (
            {
                "data": GIVEN["data"] | {"time": "day"},
                "cross_validation": {"splitter": "time", "repeats": 2},
            },
            "one order only",
        ),
        (
            {
                "data": GIVEN["data"] | {"group": "w"},
                "cross_validation": {"splitter": "stratified"},
            },
            "would train on parts of the groups",
        ),
        ({"data": GIVEN["data"] | {"blocks": "digit"}}, "cannot be a group, block, slice or time"),
        ({"data": GIVEN["data"] | {"group": "d", "time": "d"}}, "both data.group and data.time"),
        ({"data": GIVEN["data"] | {"block": "d"}}, "did you mean 'blocks'?"),
        (
            {"gate": {"guardrails": [{"slice": {"site": "a"}, "margin_bps": 9}]}},
            "needs 'site' in data.slices",
        ),
        ({"gate": {"guardrails": [{"metric": "accurcy", "margin_bps": 9}]}}, "unknown metric"),
        ({"gate": {"guardrails": [{"metric": "f1", "margin": 9}]}}, "margin"),
        (
            {"pay": "measured", "gate": {"after_reward": "keep"}},
            "needs gate.payment_tiers, such as [25, 50, 100, 200]",
        ),
        ({"gate": {"payment_tiers": [20, 30]}}, "are for after_reward: keep"),
    ],
)
def test_a_gate_that_does_not_hang_together_is_refused(tmp_path, changed, said):
    assert said in _refusal(tmp_path, GIVEN | changed)


def test_a_payment_set_needs_no_tiers(tmp_path):
    spec = _load(tmp_path, GIVEN | {"gate": {"after_reward": "keep"}})
    assert spec.gate.revealed_sizes == 1


def test_the_policy_has_defaults_by_task(tmp_path):
    given = GIVEN | {"task": "regression", "metric": "mae", "metric_options": {"cap": 9}}
    spec = _load(tmp_path, given | {"gate": {"quota": 5}})
    assert (spec.gate.quota, spec.gate.min_improvement_bps, spec.gate.detectable_bps) == (
        5,
        20,
        500,
    )


@pytest.mark.parametrize(
    ("chain", "expected"),
    [({}, 1), ({"confirmations": 3}, 3), ({"finality": 12}, 12), ({"finality": "safe"}, "safe")],
)
def test_finality_is_a_depth_or_a_tag(tmp_path, chain, expected):
    spec = _load(tmp_path, _with(("chain",), chain))
    assert spec.chain.settled_by == expected
    assert type(spec).model_validate(spec.to_dict()).chain == spec.chain


def test_tasks_of_text(tmp_path):
    given = GIVEN | {"task": "text_generation", "metric": "bleu", "also_log": ["chrf", "rouge1"]}
    spec = _load(tmp_path, given)
    assert spec.splitter == spec.valuation_splitter == "shuffled"
    assert spec.gate.min_improvement_bps == 20
    assert spec.automatic_metric == ("bleu", {})
    told = _refusal(tmp_path, given | {"also_log": ["accuracy"]})
    assert "accuracy needs label" in told
    told = _refusal(tmp_path, given | {"human": {"proxy": "bleu"}})
    assert "human: needs task: human" in told


def test_people_are_stood_in_for_by_a_proxy(tmp_path):
    scale = {"metric": "human_score", "metric_options": {"low": 1, "high": 5}}
    asked = {"scale": [1, 5]}
    given = GIVEN | {"task": "human", "metric": "human_score", "human": asked}
    assert _load(tmp_path, given).automatic_metric == ("chrf", {})
    named = given | {"human": asked | {"proxy": "rougeL", "proxy_options": {"use_stemmer": True}}}
    assert _load(tmp_path, named).automatic_metric == ("rougeL", {"use_stemmer": True})
    told = _refusal(tmp_path, given | {"human": asked | {"proxy": "human_score"}})
    assert "ends of the rating scale" in told
    told = _refusal(tmp_path, GIVEN | {"task": "text_generation", **scale})
    assert "use task: human" in told
