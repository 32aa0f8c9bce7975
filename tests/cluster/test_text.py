"""Rows as lines: whatever a text holds, it is one value of one line."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry.cluster.text import from_line, to_lines


@given(st.lists(st.lists(st.binary(), min_size=3, max_size=3), min_size=1))
def test_rows_come_back_from_their_lines(rows: list[list[bytes]]) -> None:
    lines = to_lines(rows).split(b"\n")
    assert lines.pop() == b""
    assert [from_line(line) for line in lines] == rows


def test_texts_and_numbers_are_written_and_nothing_stands_for_nothing() -> None:
    assert to_lines([("a\tb", 7, None, "ä\\")]) == "a\\tb\t7\t\tä\\\\\n".encode()
