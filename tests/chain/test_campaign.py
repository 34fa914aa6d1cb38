"""A small campaign of faults, half a minute long; `make faults` runs the large one."""

import pytest
from campaign import Plan, run
from faults import Rates


@pytest.mark.slow
@pytest.mark.exhaustive
def test_everything_is_paid_once_while_everything_goes_wrong(tmp_path):
    rates = Rates(request=0.04, sending=0.5, fees=0.1, entry=0.02)
    plan = Plan(
        tmp_path / "home", settlements=6, lineages=3, seed=3, rates=rates, calm=1, patience=60
    )
    report = run(plan)
    assert report.wrong == []
    assert report.payments == 6
    assert sum(report.faults.values()) >= 5
