"""Troubleshooting: what failed, what to do, and the command that checks it."""

from __future__ import annotations

from hokusai_mlflow.dashboard.remedies import troubles
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.history import rewards

KINDS = (
    (
        "verification",
        "Verification failures",
        "Check the data's quality, the metric, the thresholds of the policy, and significance.",
    ),
    (
        "rewards",
        "Reward distribution",
        "Check the contract, the wallet addresses, gas fees, and the distribution rules.",
    ),
    (
        "performance",
        "Performance issues",
        "Analyse the metrics by slice, check the data, review model updates, and watch for drift.",
    ),
)


def page(site: Site) -> View:
    """Everything that needs somebody."""
    found = troubles(site.history)
    groups = [
        (key, title, told, [one for one in found if one.kind == key]) for key, title, told in KINDS
    ]
    context = {
        "groups": groups,
        "serious": sum(one.serious for one in found),
        "checks": rewards.checks(site.history),
    }
    return View(
        "troubleshooting.html", "Troubleshooting", "troubleshooting/", "troubleshooting", context
    )
