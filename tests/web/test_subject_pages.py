"""Pages about one category, language or version; and badges."""

import html
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from telemetry.published.dashboard.overview import overview
from telemetry.published.dashboard.spans import span_of
from telemetry.published.reading import reading_published
from telemetry.web.pages.subject_pages import language_page
from tests.support.publication import NEW, OLD, write_publication
from tests.support.server import ServerProcess, serving

HOSTILE = "<img/src=x>'\"&"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data_dir = Path(tmp_path_factory.mktemp("subjects"))
    write_publication(data_dir / "published.db", label=HOSTILE)
    with serving(data_dir) as running:
        yield running
        assert running.stop() == 0


def text(server: ServerProcess, path: str) -> str:
    answer = server.request("GET", path)
    assert answer.status == 200, path
    return answer.body.decode()


def test_a_category_has_a_page_with_its_threshold_and_its_languages(server: ServerProcess) -> None:
    page = text(server, "/categories/auth")
    assert "from a confidence of 0.95 on, at least 85\N{NO-BREAK SPACE}% approve." in page
    assert f"/languages/{quote(HOSTILE, safe='')}" in page
    assert "<h1>Category auth</h1>" in page
    styling = text(server, "/categories/styling")
    assert "% of decisions at high confidence approve; no confidence is known from which on at least 85" in styling


def test_a_version_stands_beside_the_one_before(server: ServerProcess) -> None:
    page = text(server, f"/versions/{NEW}")
    assert "First seen on 10 November 2026; 90\N{NO-BREAK SPACE}% of the installations had it on day 16." in page
    assert f"{OLD} is drawn as if it had been released on the same day." in page
    assert page.index(f">{NEW}</th>") < page.index(f">{OLD}</th>")


def test_a_release_is_watched_for_72_hours_beside_the_one_before(server: ServerProcess) -> None:
    rows = server.request("GET", f"/charts/release-{NEW}.json").json["rows"]
    assert rows == [{"day": day, NEW: day / 10, OLD: 1.0} for day in (1, 2, 3)]
    assert "30\N{NO-BREAK SPACE}% of the installations had it on day 3" in text(server, f"/releases/{NEW}")


def test_a_language_has_a_page_whatever_it_is_called(server: ServerProcess) -> None:
    page = text(server, f"/languages/{quote(HOSTILE, safe='')}")
    assert HOSTILE not in page
    assert html.escape(HOSTILE, quote=False).split("'")[0] in page


def opening(path: Path, weeks: Mapping[str, Mapping[str, int]]) -> str:
    """Return the first sentence of the page of a language with these installations by week and category."""
    write_publication(path)
    rows = [(week, "php", *one) for week, counts in weeks.items() for one in counts.items()]
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO patterns VALUES (?, ?, ?, ?)", rows)
        connection.commit()
    with reading_published(path) as numbers:
        assert numbers is not None
        seen = overview(numbers, span_of(None))
        assert seen is not None
        page = language_page("php", seen, numbers)
    assert page is not None
    found = re.search(r'<p class="lead">(.*?)</p>', page.decode())
    assert found is not None
    return found[1]


BEFORE, NEWEST = "2026-11-09", "2026-11-16"


@pytest.mark.parametrize(
    ("weeks", "claim"),
    [
        # The category that led earlier, or in all weeks together, is not the one that leads now.
        ({BEFORE: {"api": 50}, NEWEST: {"api": 34, "errors": 35}}, "errors were found in the most installations: 35"),
        # What has no name is not one category.
        ({NEWEST: {"api": 7, "errors": 9, "other": 40}}, "errors were found in the most installations: 9"),
        ({NEWEST: {"errors": 9, "api": 9}}, "api and errors were found in the most installations: 9 each"),
    ],
)
def test_a_language_names_the_category_with_most_installations_of_the_newest_week(
    weeks: Mapping[str, Mapping[str, int]], claim: str, tmp_path: Path
) -> None:
    sentence = opening(tmp_path / "published.db", weeks)
    assert sentence == f"Of the patterns in php, those about {claim} in the week to 22 November 2026."


def test_a_language_names_an_earlier_week_where_the_newest_has_no_number(tmp_path: Path) -> None:
    named = opening(tmp_path / "published.db", {BEFORE: {"api": 50}, NEWEST: {"other": 8}})
    assert named.endswith("those about api were found in the most installations: 50 in the week to 15 November 2026.")


def test_a_language_without_a_named_category_claims_nothing(tmp_path: Path) -> None:
    named = opening(tmp_path / "published.db", {NEWEST: {"other": 8}})
    assert named == "No category of patterns in php has enough installations to be named."


def test_every_claim_and_every_row_leads_to_a_page_that_is_there(server: ServerProcess) -> None:
    page = text(server, "/")
    addresses = {html.unescape(one) for one in re.findall(r'href="(/[a-z]+/[^"]+)"', page) if "/charts/" not in one}
    assert len(addresses) >= 6
    for address in addresses:
        below = text(server, address)
        charts = re.findall(r'src="(/charts/[^"]+)"', below)
        assert charts, address
        for chart in charts:
            assert b"no data yet" not in server.request("GET", html.unescape(chart)).body, chart


@pytest.mark.parametrize("folder", ["categories", "languages", "versions", "releases"])
def test_a_name_of_which_nothing_is_published_has_a_page_that_says_so(server: ServerProcess, folder: str) -> None:
    for name in ("unknown", "other", "%00", "%E2%80%AE", "x" * 300):
        answer = server.request("GET", f"/{folder}/{name}")
        assert answer.status == 404
        assert b"Nothing is published under this name" in answer.body


def test_a_badge_has_the_schema_of_shields(server: ServerProcess) -> None:
    assert server.request("GET", "/badges/approved.json").json == {
        "schemaVersion": 1, "label": "approved when sure", "message": "74\N{NO-BREAK SPACE}%", "color": "red",
    }  # fmt: skip
    for name in ("active", "returning", "scan-p95", "version", "complete", f"release-{NEW}"):
        shown = server.request("GET", f"/badges/{name}.json").json
        assert set(shown) == {"schemaVersion", "label", "message", "color"}
        assert shown["message"] != "no data yet", name
        assert (
            shown["message"].replace("\N{NO-BREAK SPACE}", " ").encode()
            in server.request("GET", f"/badges/{name}.svg").body
        )


@pytest.mark.parametrize("name", ["unknown.json", "unknown.svg", "release-9.9.9.json", "release-.svg"])
def test_a_badge_without_a_value_says_so_and_answers(server: ServerProcess, name: str) -> None:
    answer = server.request("GET", f"/badges/{name}")
    assert answer.status == 200
    assert b"no data yet" in answer.body
