"""The section about benchmarks says how the newest release stands, in text."""

import re

from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.benchmarks import BenchmarkRow
from telemetry.web.pages.benchmarks import BENCHMARKS_PLACE, BENCHMARKS_SHOWN_MAX, BenchmarksSection
from telemetry.web.pages.shelf import rendered

PAGE = rendered(f"<main>{BENCHMARKS_PLACE}</main>".encode())
HOSTILE = "<img src=x>"


def row(version: str, mean: float | None = 70.0, category: str = "overall", **changes: float | str) -> BenchmarkRow:
    names = {"tool": "drift", "version": version, "corpus": "demo", "level": "overall", "category": category}
    return BenchmarkRow(**(names | {"count": 2, "mean": mean} | changes))  # type: ignore[arg-type]


def cells(*rows: BenchmarkRow) -> list[list[str]]:
    """Return the cells of the table, by row; behind its head, without what names a tool and a corpus."""
    page = BenchmarksSection().put_into(PAGE, BenchmarkNumbers(rows, "one")).body.decode()
    assert "<main><section" in page
    lines = (line for line in re.findall(r"<tr>(.*?)</tr>", page)[1:] if "rowgroup" not in line)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines]


def test_the_newest_release_stands_for_a_measure_and_a_build_only_where_there_is_no_release() -> None:
    build = row("0.0.0", 10)
    assert [line[3] for line in cells(build)] == ["0.0.0"]
    assert [line[3] for line in cells(build, row("0.9.48"), row("0.10.0"), row("0.11.0-dev"))] == ["0.10.0"]


def test_a_change_has_a_sign_and_says_since_when() -> None:
    changes = {"+3.5": 3.5, "−3.5": -3.5, "±0.0": 0.04, "+1,500": 1500.4}  # noqa: RUF001
    for shown, change in changes.items():
        ((_, _, said, _, count),) = cells(row("0.10.0", change=change, previous_version="0.9.48"))
        assert (said, count) == (f"{shown} since 0.9.48", "2")


def test_names_are_text_and_what_is_not_comparable_is_left_to_the_files() -> None:
    shown = cells(
        row("1.0.0", corpus=HOSTILE),
        row("1.0.0", corpus="other"),
        row("other"),
        row("1.0.0", None, level="other"),
        row("1.0.0", category="bytes_processed"),
    )
    assert len(shown) == 1
    assert (
        len(cells(*(row("1.0.0", corpus=f"corpus{number:03}") for number in range(BENCHMARKS_SHOWN_MAX + 5))))
        == BENCHMARKS_SHOWN_MAX
    )


def test_measures_of_a_tool_and_a_corpus_stand_together_and_durations_have_a_unit() -> None:
    timed = row("0.10.0", 2_179_315.0, "duration_us", corpus=HOSTILE, level="parsing", change=-59_289.0)
    rows = [row("0.10.0"), row("0.10.0", level="perception"), timed]
    page = BenchmarksSection().put_into(PAGE, BenchmarkNumbers(tuple(rows), "one")).body.decode()

    assert re.findall(r'scope="rowgroup"[^>]*>(.*?)</th>', page) == ["drift, &lt;img src=x&gt;", "drift, demo"]
    assert cells(timed)[0][:2] == ["parsing, duration", "2.2\N{NO-BREAK SPACE}s"]
    assert cells(timed)[0][2].startswith("\N{MINUS SIGN}59\N{NO-BREAK SPACE}ms")


def test_a_page_without_results_has_no_section_and_its_etag_changes_with_the_results() -> None:
    section = BenchmarksSection()
    pages = [
        section.put_into(PAGE, numbers)
        for numbers in (None, BenchmarkNumbers((), "none"), BenchmarkNumbers((row("1.0.0"),), "one"), None)
    ]
    assert [page.body == b"<main></main>" for page in pages] == [True, True, False, True]
    assert len({page.etag for page in pages}) == 3
