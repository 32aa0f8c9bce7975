"""What the dashboard says: numbers in, sentences and figures out."""

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.charts.units import Unit
from telemetry.published.approval import Approval, approval_of
from telemetry.published.dashboard.adoption import Adoption, releases
from telemetry.published.dashboard.claims import about_adoption, about_confidence, written
from telemetry.published.dashboard.confidence import CategoryApproval
from telemetry.published.dashboard.figures import Figure
from telemetry.published.dashboard.overview import Overview, overview
from telemetry.published.dashboard.spans import Span, span_of
from telemetry.published.reading import Number, reading_published
from telemetry.published.windows import Period
from tests.support.publication import FIRST, LAST, NEW, RELEASED, write_publication


def seen(path: Path, span: Span = Span.MONTH) -> Overview:
    with reading_published(path) as numbers:
        assert numbers is not None
        found = overview(numbers, span)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dashboard") / "published.db"
    write_publication(path)
    return path


def test_the_sentence_names_what_is_wrong_and_how_the_newest_release_is_taken_up(published: Path) -> None:
    assert written(seen(published).claims) == (
        "1 of 3 categories with enough decisions is clearly approved less often when Drift is sure: "
        "styling 45\N{NO-BREAK SPACE}%. "
        "0.11.1 reached half of the installations in 5 days. "
        "Its slowest scans take 159\N{NO-BREAK SPACE}% longer than those of 0.11.0."
    )


def test_each_claim_of_the_sentence_links_to_its_page(published: Path) -> None:
    addresses = {claim.text: claim.address for claim in seen(published).claims if claim.address}
    assert addresses["styling"] == "/categories/styling"
    assert addresses[NEW] == f"/releases/{NEW}"


def test_nothing_is_claimed_about_a_category_with_few_voices(tmp_path: Path) -> None:
    write_publication(tmp_path / "published.db", voices=6)
    decided = seen(tmp_path / "published.db").newest_decided
    assert decided is not None
    assert decided.missing_target == []
    assert written(about_confidence(decided)).endswith("of decisions approve when Drift is sure.")


def test_a_young_release_is_told_with_its_share() -> None:
    days = {FIRST + timedelta(number): {"0.9.48": 100} for number in range(10)}
    last = FIRST + timedelta(10)
    days[last] = {"0.9.48": 80, "0.9.49": 20}
    claims = about_adoption(Adoption(days, {}, {}, tuple(releases(days))), last)
    assert written(claims) == "0.9.49 has 20\N{NO-BREAK SPACE}% of the installations after 1 day."


def test_headlines_leave_out_builds_from_source_and_show_them_beside(published: Path) -> None:
    active = seen(published).figures[0]
    assert active.value == 250 + 10 * (7 + 8 + 9 + 10) / 4
    assert active.beside == "not counted: 9 builds from source"
    assert active.change == "+14\N{NO-BREAK SPACE}% against the 4 weeks before"


def test_a_span_without_as_many_days_before_it_is_compared_with_nothing(published: Path) -> None:
    assert seen(published, Span.ALL).figures[0].change == ""
    assert seen(published, Span.QUARTER).figures[3].change == ""


def test_days_begin_with_the_first_that_has_numbers(published: Path) -> None:
    assert seen(published, Span.WEEK).days == [LAST - timedelta(number) for number in range(6, -1, -1)]
    assert seen(published, Span.ALL).days[0] == FIRST


def test_a_release_is_dated_by_the_first_day_that_it_was_seen(published: Path) -> None:
    newest = seen(published).adoption.newest
    assert newest is not None
    assert (newest.version, newest.first_day, newest.days_to_half) == (NEW, RELEASED, 5)


@pytest.mark.parametrize(
    ("value", "before", "unit", "change"),
    [
        (110, 100, Unit.COUNT, "+10\N{NO-BREAK SPACE}% against then"),
        (90, 100, Unit.COUNT, "\N{MINUS SIGN}10\N{NO-BREAK SPACE}% against then"),
        (100, 100, Unit.COUNT, "same as in then"),
        (0.81, 0.8, Unit.SHARE, "+1 point against then"),
        (0.5, 0.8, Unit.SHARE, "\N{MINUS SIGN}30 points against then"),
        (5, None, Unit.COUNT, ""),
        (5, 0, Unit.COUNT, ""),
        (None, 5, Unit.COUNT, ""),
    ],
)
def test_a_change_is_told_in_words(value: float | None, before: float | None, unit: Unit, change: str) -> None:
    assert Figure("key", "name", value, unit, "", "", before, "then").change == change


@pytest.mark.parametrize(
    ("value", "before", "unit", "is_large"),
    [(125, 100, Unit.COUNT, True), (110, 100, Unit.COUNT, False), (146, 100, Unit.DURATION, True),
     (0.7, 0.81, Unit.SHARE, True), (0.7, 0.75, Unit.SHARE, False), (5, None, Unit.COUNT, False)],
)  # fmt: skip
def test_a_change_that_nobody_may_miss_is_large(value: float, before: float | None, unit: Unit, is_large: bool) -> None:
    assert Figure("key", "name", value, unit, "", "", before, "then").is_large_change is is_large


def test_a_longer_duration_is_worse_and_more_installations_are_not() -> None:
    assert Figure("key", "name", 5, Unit.DURATION, "", "", 4, "then", less_is_better=True).is_worse
    assert not Figure("key", "name", 5, Unit.COUNT, "", "", 4, "then").is_worse


def test_shares_whose_intervals_overlap_show_no_clear_change() -> None:
    around = Approval(40, 0.8, 0.7, 0.9)
    assert not around.is_apart_from(Approval(40, 0.65, 0.55, 0.75))
    assert around.is_apart_from(Approval(40, 0.6, 0.5, 0.65))
    change = Figure("key", "name", 0.8, Unit.SHARE, "", "", 0.65, "then", is_apart=False)
    assert change.change == "no clear change from 65\N{NO-BREAK SPACE}% in then"
    assert not change.is_large_change


def test_a_category_is_worse_when_drift_is_sure_only_if_its_intervals_are_apart() -> None:
    high = Approval(60, 0.5, 0.4, 0.6)
    assert CategoryApproval("styling", (None, Approval(60, 0.7, 0.65, 0.8), high)).is_inverted
    assert not CategoryApproval("styling", (None, Approval(60, 0.6, 0.55, 0.7), high)).is_inverted


def test_the_next_window_comes_on_the_day_after_its_last(published: Path) -> None:
    trust = seen(published).trust
    assert (trust.next_on(Period.DAY), trust.next_on(Period.WEEK)) == (date(2026, 11, 27), date(2026, 11, 30))
    assert trust.next_on(Period.FOUR_WEEKS) == date(2026, 11, 30)


def test_an_unknown_range_is_the_default() -> None:
    assert span_of("31") is span_of(None) is Span.MONTH
    assert span_of("all") is Span.ALL


@given(st.lists(st.tuples(st.integers(5, 500), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_an_interval_holds_its_share_and_stays_between_nothing_and_all(rows: list[tuple[int, float, float]]) -> None:
    numbers = [
        Number("2026-11-02", ("auth", "0.90"), count, {
            "approve": count * share, "approve_squares": count * (share * share + spread * share * (1 - share)),
        })
        for count, share, spread in rows
    ]  # fmt: skip
    found = approval_of(numbers)
    assert found is not None
    assert 0 <= found.low <= found.share + 1e-9
    assert found.share - 1e-9 <= found.high <= 1


def test_more_voices_make_an_interval_narrower() -> None:
    def width(count: int) -> float:
        amounts = {"approve": count * 0.6, "approve_squares": count * 0.5}
        found = approval_of([Number("2026-11-02", ("auth", "0.90"), count, amounts)])
        assert found is not None
        return found.high - found.low

    assert width(5) > width(20) > width(500)


def test_rows_without_amounts_are_no_voices() -> None:
    assert approval_of([Number("2026-11-02", ("auth", "other"), 9, {"approve": None, "approve_squares": None})]) is None


def test_pipelines_and_agents_are_shown_beside_the_headlines(tmp_path: Path) -> None:
    path = tmp_path / "published.db"
    write_publication(path)
    before = {one.key: (one.shown, one.beside) for one in seen(path).figures}
    with sqlite3.connect(path) as connection:
        row = (str(LAST), "ci", "scan", NEW)
        connection.execute("INSERT INTO automated_durations VALUES (?, ?, ?, ?, 6, 60)", row)
        connection.execute("INSERT INTO automated_duration_buckets VALUES (?, ?, ?, ?, 190, 60)", row)
        (start,) = connection.execute("SELECT max(window_start) FROM decisions").fetchone()
        actions = (6, *(0,) * 8, 6, 8, 6, 5)
        for step, voices in (("0.90", 8), ("0.60", 40)):
            values = (start, "agent", "auth", step, voices, *actions)
            connection.execute(f"INSERT INTO automated_decisions VALUES ({', '.join('?' * len(values))})", values)
    connection.close()

    after = {one.key: (one.shown, one.beside) for one in seen(path).figures}
    assert {key: shown for key, (shown, _) in after.items()} == {key: shown for key, (shown, _) in before.items()}
    assert after["scan-p95"][1] == "pipelines and agents 1.2\N{NO-BREAK SPACE}min"
    assert after["approved"][1] == f"{before['approved'][1]}; pipelines and agents 75\N{NO-BREAK SPACE}%"


def test_days_without_a_window_are_named(tmp_path: Path) -> None:
    path = tmp_path / "published.db"
    write_publication(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM windows WHERE period = 'day' AND window_start = '2026-11-03'")
    connection.close()
    assert seen(path).trust.without_numbers == [date(2026, 11, 3)]
