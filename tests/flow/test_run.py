"""The whole flow on a small project: baseline, promotion with payment, nothing new."""

import pytest
from flow_project import ADDRESSES, OWNER

pytestmark = pytest.mark.flow


def test_a_baseline_then_a_paid_promotion_then_nothing_new(project):
    baseline, promoted, nothing = project.run(times=3).receipts
    assert baseline["outcome"] == "baseline"
    assert baseline["settlement"] == {}
    assert promoted["outcome"] == "promoted", promoted["message"]
    assert promoted["settlement"]["state"] == "confirmed"
    by_name = {line["name"]: line for line in promoted["contributors"]}
    assert set(by_name) == set(ADDRESSES)
    assert by_name["mirror"]["accepted"] == by_name["mirror"]["share"] == 0
    assert by_name["east"]["share"] + by_name["west"]["share"] == 10_000
    assert promoted["owner"].lower() == OWNER
    assert nothing["outcome"] == "nothing_new"
    assert nothing["settlement"] == {}
