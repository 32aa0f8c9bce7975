from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.charts.text import clipped, escaped, readable, width
from telemetry.charts.units import Unit

ANYTHING = st.text(st.characters(codec=None), max_size=300)


@given(ANYTHING, st.floats(20, 200))
def test_any_text_is_clipped_to_its_room_and_stays_xml(text: str, width_max: float) -> None:
    shown = clipped(text, 12, width_max)

    assert width(shown, 12) <= width_max
    assert ElementTree.fromstring(f'<a b="{escaped(shown)}">{escaped(shown)}</a>').text in {shown, None}
    assert len(readable(text)) <= 200


def test_what_is_clipped_says_so_and_what_fits_stays() -> None:
    assert clipped("documentation", 12, 100) == "documentation"
    assert clipped("documentation", 12, 60) == "docum\N{HORIZONTAL ELLIPSIS}"
    assert clipped("evil\u202etxt\x00\n<b>", 12, 100) == "eviltxt <b>"


@pytest.mark.parametrize(
    ("unit", "value", "written", "figure"),
    [
        (Unit.COUNT, 0, "0", "0"),
        (Unit.COUNT, 1_250, "1,250", "1,250"),
        (Unit.COUNT, 12_500, "12 k", "12 k"),
        (Unit.COUNT, 999_600, "1 M", "1 M"),
        (Unit.COUNT, 2.25, "2.2", "2.2"),
        (Unit.SHARE, 0.48, "48 %", "48 %"),
        (Unit.SHARE, 0.025, "2.5 %", "2 %"),
        (Unit.DURATION, 0, "0 ms", "0.0 ms"),
        (Unit.DURATION, 440, "440 ms", "440 ms"),
        (Unit.DURATION, 8_000, "8 s", "8.0 s"),
        (Unit.DURATION, 59_999, "1 min", "1.0 min"),
        (Unit.DURATION, 90_000, "1.5 min", "1.5 min"),
        (Unit.DURATION, 7_200_000, "2 h", "2.0 h"),
    ],
)
def test_numbers_are_written_with_their_unit(unit: Unit, value: float, written: str, figure: str) -> None:
    assert unit.write(value).replace("\N{NO-BREAK SPACE}", " ") == written
    assert unit.figure(value).replace("\N{NO-BREAK SPACE}", " ") == figure
