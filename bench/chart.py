"""The picture of the table: a bar a contender, requests a second on a logarithmic scale, as SVG."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from bench.contenders import Contender
from bench.runs import Stage

WIDTH, BAR, STEP, TOP = 920, 20, 28, 60
LEFT, RIGHT = 350, 100
OURS, OTHERS, INK, FAINT = "#c8102e", "#8a94a0", "#1b1f24", "#d9dee3"


@dataclass(frozen=True)
class Scale:
    """Requests a second to pixels."""

    low: int
    high: float

    def __call__(self, rate: float) -> float:
        """The place of a rate."""
        part = math.log(max(rate, self.low) / self.low) / math.log(self.high / self.low)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * part, 1)


def draw(stage: Stage, contenders: Sequence[Contender], title: str) -> str:
    """The chart of these contenders, the fastest at the top; the thin line is the range of the rounds."""
    rates = {one.key: sorted(sample.rate for sample in stage.samples[one.key]) for one in contenders}
    slowest, fastest = min(found[0] for found in rates.values()), max(found[-1] for found in rates.values())
    scale = Scale(10 ** int(math.log10(slowest)), fastest)
    order = sorted(contenders, key=lambda one: -statistics.median(rates[one.key]))
    height = TOP + len(order) * STEP + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        f' font-family="sans-serif" font-size="13" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
        *_grid(scale, height),
    ]
    for number, one in enumerate(order):
        parts += _bar(one, rates[one.key], TOP + number * STEP, scale)
    return "\n".join([*parts, "</svg>", ""])


def _grid(scale: Scale, height: int) -> Iterator[str]:
    power = scale.low
    while power <= scale.high:
        x = scale(power)
        yield f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 6}" stroke="{FAINT}"/>'
        yield f'<text x="{x}" y="{TOP - 13}" text-anchor="middle" font-size="11">{power:,}</text>'
        power *= 10


def _bar(one: Contender, rates: Sequence[float], y: int, scale: Scale) -> Iterator[str]:
    colour = OURS if one.letter == "a" else OTHERS
    middle, line = statistics.median(rates), y + BAR - 5
    width = max(scale(middle) - LEFT, 1)
    yield f'<text x="{LEFT - 8}" y="{line}" text-anchor="end">{escape(one.title)}</text>'
    yield f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
    yield f'<path d="M{scale(rates[0])} {y + BAR / 2}H{scale(rates[-1])}" stroke="{INK}" stroke-width="2"/>'
    yield f'<text x="{max(scale(rates[-1]), LEFT) + 8}" y="{line}">{middle:,.0f}</text>'
