"""Values as a dashboard has them, the same at each call, for tests that look at charts."""

import math
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from telemetry.charts.badge import Tone, badge
from telemetry.charts.dots import DotRow, Estimate, dots
from telemetry.charts.drawing import NARROW, WIDE, Caption, Form
from telemetry.charts.lines import Line, lines
from telemetry.charts.matrix import matrix
from telemetry.charts.ranges import Range, ranges
from telemetry.charts.sparkline import sparkline
from telemetry.charts.stacked_bars import Part, stacked_bars
from telemetry.charts.theme import Theme
from telemetry.charts.units import Unit

FIRST = date(2026, 8, 28)
GOLDEN_FILES = Path(__file__).parent / "golden"
FORMS = {"wide": WIDE, "narrow": NARROW}
CATEGORIES = (
    "styling", "performance", "logging", "components", "errors", "types", "data-access", "security", "testing",
    "config", "structural", "documentation", "accessibility", "api", "auth",
)  # fmt: skip

Chart = Callable[[Form, Theme], str]


def days(count: int, *, step: int = 1, first: date = FIRST) -> list[date]:
    return [first + timedelta(days=number * step) for number in range(count)]


def adoption(versions: int, count: int) -> list[Part]:
    """Each version takes over from the one before it; the newest comes first."""
    spacing = count / (versions + 1)
    parts = []
    for version in reversed(range(versions)):
        values = []
        for day in range(count):
            rise = 1 / (1 + math.exp(-(day - version * spacing) / 2))
            fall = 1 / (1 + math.exp(-(day - (version + 1) * spacing) / 2)) if version < versions - 1 else 0.0
            weekend = 0.4 if (FIRST + timedelta(days=day)).weekday() >= 5 else 1
            values.append(round(600 * max(rise - fall, 0) * weekend))
        parts.append(Part(f"0.{9 + version // 4}.{version % 4}", values))
    return parts


def approvals(names: tuple[str, ...] = CATEGORIES) -> list[DotRow]:
    rows = []
    for place, name in enumerate(names):
        high = 0.48 + 0.5 * place / max(len(names) - 1, 1)
        shares = (0.3 + 0.013 * (place % 7) * 2, 0.45 + 0.02 * ((place * 5) % 14), high)
        rows.append(
            DotRow(name, [Estimate(s, s - 0.03 - 0.01 * (place % 3), s + 0.04) for s in shares], highlighted=place < 2)
        )
    return rows


def durations(count: int) -> list[Line]:
    chosen = random.Random(1)
    noise = [chosen.uniform(0.8, 1.25) for _ in range(count)]
    return [
        Line("p50", [420 * each for each in noise], [300 * each for each in noise], [610 * each for each in noise]),
        Line("p95", [None if day % 30 == 9 else 6_900 * each**2 for day, each in enumerate(noise)]),
        Line("p99", [22_000 * each**3 for each in noise]),
    ]


def versions(count: int = 90, releases: int = 9) -> Chart:
    dates, parts = days(count), adoption(releases, count)
    marks = [(dates[count * 8 // 10], "0.11.0"), (dates[count * 9 // 10], "0.11.1")]
    caption = Caption("Installations by version", "0.11.1 reached half of the installations in 6 days.", heading=True)
    return lambda form, theme: stacked_bars(caption, dates, parts, rest="older", releases=marks, form=form, theme=theme)


def categories(names: tuple[str, ...] = CATEGORIES) -> Chart:
    caption = Caption("Approved by category and confidence", "styling 48 %, performance 52 %: below the others.")
    kinds = ["low", "medium", "high"]
    return lambda form, theme: dots(caption, kinds, approvals(names), target=0.85, form=form, theme=theme)


def scans(count: int = 90) -> Chart:
    dates, series = days(count), durations(count)
    caption = Caption("Duration of a scan", "95 of 100 scans take less than 7 s.")
    releases = [(dates[count * 2 // 3], "0.11.0")]
    return lambda form, theme: lines(
        caption, dates, series, unit=Unit.DURATION, releases=releases, form=form, theme=theme
    )


def scans_by_version() -> Chart:
    rows = [Range(f"0.11.{n}", (400 + 90 * n, 5_200 + 700 * n, 19_000 + 3_000 * n), n == 4) for n in range(5)]
    caption = Caption("Duration of a scan by version", "0.11.4 is slower than the versions before it.")
    return lambda form, theme: ranges(caption, ["median", "p95", "p99"], rows, figure=1, form=form, theme=theme)


def returning() -> Chart:
    dates = days(13, step=7, first=date(2026, 8, 31))
    parts = [Part("returning", [300 + 9 * n for n in range(13)]), Part("new", [40 + (n * 7) % 23 for n in range(13)])]
    caption = Caption("Installations a week", "408 installations came back in the last week.")
    return lambda form, theme: stacked_bars(caption, dates, parts, form=form, theme=theme)


def found(names: tuple[str, ...] = CATEGORIES) -> Chart:
    languages = ("typescript", "python", "go", "a language with a long name")
    counts = [
        (language, {name: 300 // (place + 1) // (row + 1) for place, name in enumerate(names) if place != row})
        for row, language in enumerate(languages)
    ]
    caption = Caption("Patterns by language and category", "Most are of styling, in typescript.")
    return lambda form, theme: matrix(caption, names, counts, kinds=("categories", "languages"), form=form, theme=theme)


CHARTS: dict[str, Chart] = {
    "versions": versions(),
    "categories": categories(),
    "scans": scans(),
    "scans-by-version": scans_by_version(),
    "returning": returning(),
    "found": found(),
}

# Few values, so that a file can be read.
GOLDEN: dict[str, Chart] = {
    "versions": versions(14, 3),
    "categories": categories(("styling", "auth", "api")),
    "scans": scans(14),
    "scans-by-version": scans_by_version(),
    "returning": returning(),
    "found": found(("styling", "auth", "api")),
}


def spark(theme: Theme = Theme.AUTO) -> str:
    caption = Caption("Active installations", "412, 8 % more than in the 30 days before.")
    return sparkline(caption, [380 + 30 * math.sin(day / 3) for day in range(30)], theme=theme)


def approved() -> str:
    return badge("approved when sure", "81 %", Tone.GOOD)


def golden() -> dict[str, str]:
    """Return the files that tests compare with: change them with ``python -m tests.charts.samples``, and look."""
    drawn = {name: chart(WIDE, Theme.AUTO) for name, chart in GOLDEN.items()}
    return {
        **drawn,
        "versions-narrow-dark": GOLDEN["versions"](NARROW, Theme.DARK),
        "found-narrow": CHARTS["found"](NARROW, Theme.AUTO),
        "spark": spark(),
        "badge": approved(),
    }


if __name__ == "__main__":
    for name, text in golden().items():
        (GOLDEN_FILES / f"{name}.svg").write_text(text)
