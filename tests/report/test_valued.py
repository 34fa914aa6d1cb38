import pytest

from hokusai_mlflow.report.valued import told_how

SAMPLED = {
    "method": "rows",
    "refits": 4_000,
    "max_refits": 4_100,
    "precision": 0.03,
    "sampling_error": 0.051,
}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, ""),
        (None, ""),
        (
            {"method": "exact", "refits": 120},
            "exact Shapley values of contributors, from 120 refits",
        ),
        ({**SAMPLED, "stopped": "precise"}, "leaves in a share is 5.1 points"),
        (
            {**SAMPLED, "stopped": "budget"},
            "the budget of 4,100 ended before shares were as precise",
        ),
        ({**SAMPLED, "stopped": "budget"}, "leaves is 5.1 points, and 3 were asked for"),
        ({**SAMPLED, "stopped": "precise", "sampling_error": None}, "is not known"),
        ({**SAMPLED, "stopped": "budget", "left_out": ["mirror"]}, "without mirror, who did harm"),
    ],
)
def test_how_values_were_found_is_told(how, told):
    assert told in told_how(how)
    assert bool(told) == bool(told_how(how))
