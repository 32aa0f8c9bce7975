"""What holds for every chart."""

from datetime import date
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.charts.badge import Tone, badge
from telemetry.charts.dots import DotRow, Estimate, dots
from telemetry.charts.drawing import Caption, Form
from telemetry.charts.frame import NO_DATA
from telemetry.charts.lines import Line, lines
from telemetry.charts.ranges import Range, ranges
from telemetry.charts.sparkline import sparkline
from telemetry.charts.stacked_bars import Part, stacked_bars
from telemetry.charts.theme import Theme
from telemetry.charts.units import Unit
from tests.charts.geometry import Sheet
from tests.charts.samples import (
    CATEGORIES,
    CHARTS,
    FORMS,
    GOLDEN_FILES,
    adoption,
    approvals,
    days,
    durations,
    golden,
    spark,
)

CAPTION = Caption("Name <of> it", 'A "claim" & more', heading=True)
NAMES = st.text(max_size=80)
AMOUNTS = st.none() | st.integers(0, 10**12) | st.sampled_from([float("nan"), float("inf"), -1.0, 0.25])
DAY = date(2026, 11, 25)

every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@every_form
@pytest.mark.parametrize("name", CHARTS)
def test_everything_is_inside_the_sheet_and_no_text_lies_on_another(name: str, form: Form) -> None:
    sheet = Sheet(CHARTS[name](form, Theme.AUTO))

    assert sheet.problems() == []
    assert sheet.width == form.width
    assert len(sheet.texts()) > 5


@every_form
def test_fifty_versions_of_ninety_days_fit_and_nothing_is_lost(form: Form) -> None:
    parts = [Part(f"0.{version}.0-preview.{version}", [version + 1] * 90) for version in range(50)]
    bars = Sheet(stacked_bars(CAPTION, days(90), parts, rest="45 older", form=form))
    rows = Sheet(dots(CAPTION, ["sure"], approvals(tuple(part.name for part in parts)), form=form))
    many = Sheet(lines(CAPTION, days(90), [Line(part.name, part.values) for part in parts], form=form))

    assert bars.problems() == rows.problems() == many.problems() == []
    assert "45 older" in [box.text for box in bars.texts()]
    assert "44 more" in [box.text for box in many.texts()]


@pytest.mark.parametrize("theme", Theme)
def test_a_chart_tells_its_name_and_claim_and_loads_nothing(theme: Theme) -> None:
    for name, chart in CHARTS.items():
        svg = chart(FORMS["wide"], theme)
        sheet = Sheet(svg)
        assert sheet.root.attrib["role"] == "img"
        assert sheet.said("title"), name
        assert sheet.said("desc").endswith(".")
        assert not {element.tag.split("}")[1] for element in sheet.root.iter()} - {
            "svg", "title", "desc", "style", "path", "text",
        }  # fmt: skip
        assert "url(" not in svg
        assert svg.count("http") == 1
        assert ("prefers-color-scheme" in svg) is (theme is Theme.AUTO)
        # Every class that is used has a rule, and every variable a colour.
        used = {kind for element in sheet.root.iter() for kind in element.get("class", "").split()}
        assert not {kind for kind in used if f".{kind}{{" not in sheet.style}


def test_the_same_values_make_the_same_bytes_which_somebody_has_looked_at() -> None:
    drawn = golden()

    assert drawn == golden()
    assert drawn == {path.stem: path.read_text() for path in GOLDEN_FILES.iterdir()}


def test_charts_are_small() -> None:
    sizes = {name: len(chart(FORMS["wide"], Theme.AUTO)) for name, chart in CHARTS.items()}

    assert max(sizes.values()) < 8_000
    assert sum(sizes.values()) / len(sizes) < 5_500
    assert len(spark()) < 1_000


@every_form
def test_without_values_a_chart_says_so(form: Form) -> None:
    nothing = [
        stacked_bars(CAPTION, [], [], form=form),
        stacked_bars(CAPTION, days(2), [Part("a", [0, None]), Part("b", [0, float("nan")])], form=form),
        lines(CAPTION, [], [], form=form),
        lines(CAPTION, days(1), [Line("a", [None])], form=form),
        dots(CAPTION, ["sure"], [DotRow("styling", [None])], form=form),
        dots(CAPTION, [], [], form=form),
        ranges(CAPTION, ["p50"], [], form=form),
    ]

    for svg in nothing:
        sheet = Sheet(svg)
        assert [box.text for box in sheet.texts()] == ["Name <of> it", NO_DATA]
        assert sheet.problems() == []
        assert sheet.said("desc") == CAPTION.claim
    assert Sheet(sparkline(CAPTION, [None])).paths("e")


@every_form
def test_a_single_value_is_seen(form: Form) -> None:
    bars = Sheet(stacked_bars(CAPTION, [DAY], [Part("0.9.1", [5])], form=form))
    line = Sheet(lines(CAPTION, [DAY], [Line("p95", [7_000])], unit=Unit.DURATION, form=form))
    dot = Sheet(dots(CAPTION, ["sure"], [DotRow("auth", [Estimate(1, 1, 1)])], target=0.85, form=form))
    spread = Sheet(ranges(CAPTION, ["p50", "p95"], [Range("0.9.1", (5, 5))], form=form))

    assert [sheet.problems() for sheet in (bars, line, dot, spread)] == [[]] * 4
    assert bars.paths("s1")
    assert line.paths("l0")
    assert "p95 7.0\N{NO-BREAK SPACE}s" in [box.text for box in line.texts()]
    assert Sheet(sparkline(CAPTION, [5])).paths("p")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(NAMES, st.lists(AMOUNTS, min_size=4, max_size=4)), max_size=9), st.sampled_from(list(FORMS)))
def test_whatever_names_and_amounts_come_the_chart_is_whole(
    series: list[tuple[str, list[float | None]]], form: str
) -> None:
    dates = days(4)
    names = [name for name, _ in series]
    rows = [DotRow(name, [Estimate(*values[:3]) if None not in values[:3] else None]) for name, values in series]  # type: ignore[arg-type]
    releases = [(dates[2], name) for name in names]
    drawn = [
        stacked_bars(CAPTION, dates, [Part(*each) for each in series], releases=releases[:1], form=FORMS[form]),
        lines(CAPTION, dates, [Line(*each) for each in series], unit=Unit.DURATION, form=FORMS[form]),
        lines(Caption("", ""), dates, [Line(*each) for each in series], releases=releases, form=FORMS[form]),
        dots(CAPTION, ["sure"], rows, target=0.85, form=FORMS[form]),
    ]

    for svg in drawn:
        assert Sheet(svg).problems() == []


@every_form
def test_a_name_that_is_clipped_is_whole_in_its_title(form: Form) -> None:
    name = "a-category-with-a-name-that-nobody-has-room-for"
    svg = dots(CAPTION, ["sure"], [DotRow(name, [Estimate(0.5, 0.4, 0.6)], highlighted=True)], form=form)
    texts = {text.text: text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}

    (clipped,) = (text for text in texts if text and text.endswith("\N{HORIZONTAL ELLIPSIS}"))
    assert texts[clipped][0].text == name


def test_a_long_name_of_a_line_is_clipped_but_not_its_figure() -> None:
    svg = lines(CAPTION, days(2), [Line("a-name-that-is-longer-than-a-phone", [1, 1_250])], form=FORMS["narrow"])
    (named,) = (box.text for box in Sheet(svg).texts() if box.text.startswith("a-"))

    assert named.endswith("\N{HORIZONTAL ELLIPSIS} 1,250")
    assert "<title>a-name-that-is-longer-than-a-phone 1,250</title>" in svg


@given(NAMES, NAMES, st.sampled_from(Tone))
def test_a_badge_holds_any_label_and_value(label: str, value: str, tone: Tone) -> None:
    root = ElementTree.fromstring(badge(label, value, tone))

    assert float(root.attrib["width"]) <= 450
    assert root[0].text


def test_a_line_has_gaps_where_values_are_missing() -> None:
    svg = lines(CAPTION, days(5), [Line("p50", [1, 2, None, 3, None])])
    (line,) = [path.get("d", "") for path in ElementTree.fromstring(svg) if path.get("class") == "l l0"]

    assert line.count("M") == 2
    assert line.endswith("h0")


def test_lines_differ_without_colour() -> None:
    sheet = Sheet(lines(CAPTION, days(30), durations(30)))

    assert ".l0{stroke:var(--h0)}" in sheet.style
    assert ".l1{stroke:var(--h1);stroke-dasharray:7 3}" in sheet.style
    assert ".l2{stroke:var(--h2);stroke-dasharray:2 3}" in sheet.style
    assert len(adoption(3, 30)) == 3


def test_a_matrix_turns_the_names_of_its_columns_where_more_of_them_then_fit() -> None:
    narrow, wide = (Sheet(CHARTS["found"](FORMS[form], Theme.AUTO)) for form in ("narrow", "wide"))

    assert "12 more categories" in [box.text for box in narrow.texts()]
    assert "5 more categories" in [box.text for box in wide.texts()]
    assert all(box.bottom - box.top > box.right - box.left for box in wide.texts() if box.text in CATEGORIES)


@every_form
def test_a_name_in_the_key_is_whole_if_it_fits_on_a_line_of_its_own(form: Form) -> None:
    parts = [Part(name, [1]) for name in ("returning", "new", "pipelines and agents")]
    sheet = Sheet(stacked_bars(CAPTION, [DAY], parts, form=form))

    assert "pipelines and agents" in [box.text for box in sheet.texts()]


def test_names_of_lines_have_a_piece_of_their_line_before_them() -> None:
    several = Sheet(lines(CAPTION, days(2), [Line("p50", [1, 2]), Line("p95", [2, 2])]))
    single = Sheet(lines(CAPTION, days(2), [Line("p50", [1, 2])]))

    assert [len(several.paths(f"l{kind}")) for kind in (0, 1)] == [2, 2]
    assert len(single.paths("l0")) == 1
    for kind, name in enumerate(("p50 2", "p95 2")):
        (box,) = (box for box in several.texts() if box.text == name)
        ((start, y), (end, _)) = several.paths(f"l{kind}")[1]
        assert start < end < box.left
        assert box.top < y < box.bottom


def test_the_bounds_of_a_single_value_are_seen() -> None:
    (box,) = Sheet(lines(CAPTION, [DAY], [Line("approved", [0.6], [0.4], [0.8])], unit=Unit.SHARE)).paths("z")

    assert len({x for x, _ in box}) == len({y for _, y in box}) == 2
