"""Square panels: ROC curves, calibration, residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hokusai_mlflow.report.charts.scale import Scale

SIZE, LEFT, BOTTOM, TOP, RIGHT = 280, 46, 40, 10, 12
WIDE, HIGH = SIZE - LEFT - RIGHT, SIZE - BOTTOM - TOP


@dataclass(frozen=True)
class Panel:
    """A frame with axes, in which points are placed by their values.

    Attributes
    ----------
    x, y : Scale
        The axes.
    across, up : str
        What they show.
    title, told : str
        Name of the drawing, and what it shows in words.
    """

    x: Scale
    y: Scale
    across: str
    up: str
    title: str
    told: str

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Place of a point in the drawing."""
        return (
            round(LEFT + self.x.share(x) * WIDE, 1),
            round(TOP + (1 - self.y.share(y)) * HIGH, 1),
        )

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        """Lines from point to point."""
        placed = (self.point(x, y) for x, y in points)
        return "M" + "L".join(f"{x} {y}" for x, y in placed)

    def draw(self, inside: Sequence[Markup]) -> Markup:
        """The drawing, frame and axes around what is inside."""
        frame = [
            Markup('<rect class="hk-frame" x="{}" y="{}" width="{}" height="{}"/>').format(
                LEFT, TOP, WIDE, HIGH
            )
        ]
        for tick in self.x.ticks:
            x = self.point(tick, 0)[0]
            frame.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    x, TOP + HIGH + 15, _label(tick)
                )
            )
        for tick in self.y.ticks:
            y = self.point(0, tick)[1]
            frame.append(
                Markup(
                    '<line class="hk-grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/>'
                    '<text x="{}" y="{}" text-anchor="end">{}</text>'
                ).format(LEFT, LEFT + WIDE, LEFT - 5, y + 4, _label(tick), y=y)
            )
        frame.append(
            Markup(
                '<text class="hk-end" x="{}" y="{}" text-anchor="middle">{}</text>'
                '<text class="hk-end" transform="translate(12 {}) rotate(-90)" '
                'text-anchor="middle">{}</text>'
            ).format(LEFT + WIDE / 2, SIZE - 6, self.across, TOP + HIGH / 2, self.up)
        )
        return Markup(
            '<svg class="hk-square" viewBox="0 0 {0} {0}" role="img" aria-label="{1}: {2}">'
            "<title>{1}</title><desc>{2}</desc>{3}</svg>"
        ).format(SIZE, self.title, self.told, Markup("").join([*frame, *inside]))


UNIT = Scale(0.0, 1.0, (0.0, 0.5, 1.0))


def roc(curve: dict[str, object], who: str) -> Markup:
    """A ROC curve above the diagonal of chance."""
    points, area = curve["points"], curve["area"]
    panel = Panel(
        UNIT, UNIT, "false positive rate", "true positive rate", f"ROC, {who}", f"area {area:.4f}"
    )
    line = panel.path(points)  # type: ignore[arg-type]
    corner = "L".join(f"{x} {y}" for x, y in (panel.point(1, 0), panel.point(0, 0)))
    return panel.draw(
        [
            Markup('<path class="hk-area" d="{}L{}Z"/>').format(line, corner),
            Markup('<path class="hk-chance" d="{}"/>').format(panel.path([(0, 0), (1, 1)])),
            Markup('<path class="hk-curve" d="{}"/>').format(line),
            _corner(f"area {area:.4f}"),
        ]
    )


def calibration(curve: dict[str, object], who: str) -> Markup:
    """Observed share by said probability, beside the diagonal of perfect calibration."""
    points: list[list[float]] = curve["points"]  # type: ignore[assignment]
    told = f"expected calibration error {curve['error']:.4f}"
    panel = Panel(
        UNIT, UNIT, "said probability", "share that was true", f"Calibration, {who}", told
    )
    most = max(n for _, _, n in points)
    dots = [
        Markup('<circle class="hk-point" cx="{}" cy="{}" r="{:.1f}"/>').format(
            *panel.point(said, true), 3 + 3 * (n / most) ** 0.5
        )
        for said, true, n in points
    ]
    return panel.draw(
        [
            Markup('<path class="hk-chance" d="{}"/>').format(panel.path([(0, 0), (1, 1)])),
            Markup('<path class="hk-curve" d="{}"/>').format(
                panel.path([(said, true) for said, true, _ in points])
            ),
            *dots,
            _corner(f"error {curve['error']:.4f}"),
        ]
    )


def residuals(curve: dict[str, object], who: str, x: Scale, y: Scale) -> Markup:
    """Median residual by predicted value, with the band that holds 80 % of them."""
    points: list[list[float]] = curve["points"]  # type: ignore[assignment]
    told = "; ".join(f"at {p[0]:.4g} the median residual is {p[2]:+.4g}" for p in points)
    panel = Panel(x, y, "predicted", "truth − predicted", f"Residuals, {who}", told)
    low = [(p[0], p[1]) for p in points]
    high = [(p[0], p[3]) for p in reversed(points)]
    return panel.draw(
        [
            Markup('<path class="hk-area" d="{}Z"/>').format(panel.path(low + high)),
            Markup('<path class="hk-chance" d="{}"/>').format(
                panel.path([(x.low, 0), (x.high, 0)])
            ),
            Markup('<path class="hk-curve" d="{}"/>').format(
                panel.path([(p[0], p[2]) for p in points])
            ),
            *(
                Markup('<circle class="hk-point" cx="{}" cy="{}" r="3.5"/>').format(
                    *panel.point(p[0], p[2])
                )
                for p in points
            ),
        ]
    )


def _corner(text: str) -> Markup:
    return Markup('<text class="hk-figure" x="{}" y="{}" text-anchor="end">{}</text>').format(
        LEFT + WIDE - 8, TOP + HIGH - 10, text
    )


def _label(tick: float) -> str:
    return f"{tick:.4g}".replace("-", "−")
