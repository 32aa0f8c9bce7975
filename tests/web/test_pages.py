"""Pages: what a browser gets, and from where."""

import csv
import html
import io
import re
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from telemetry.published.dashboard.overview import overview
from telemetry.published.dashboard.spans import span_of
from telemetry.published.reading import reading_published
from telemetry.web.pages.dashboard import dashboard_page
from telemetry.web.pages.drawings import confidence_exhibit
from telemetry.web.pages.shelf import LOOK_INTERVAL_S
from tests.support.events import encode, make_event
from tests.support.publication import write_publication
from tests.support.server import ServerProcess, serving

HOSTILE = "<img/src=x>'\"&"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(Path(tmp_path_factory.mktemp("pages"))) as running:
        yield running
        assert running.stop() == 0


def test_a_service_without_numbers_says_how_to_send_the_first_event(server: ServerProcess) -> None:
    answer = server.request("GET", "/")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'self'; img-src 'self'"
    assert b"Send the first event" in answer.body


def test_an_example_names_the_address_that_the_reader_has_asked(server: ServerProcess) -> None:
    port = server.url.rpartition(":")[2]

    def examples(path: str, **headers: str) -> set[str]:
        page = html.unescape(server.request("GET", path, headers=headers).body.decode())
        return set(re.findall(r"curl '?(\S+?)/v1/", page))

    for path in ("/", "/docs"):
        assert examples(path) == {server.url}
        assert examples(path, Host="drift.example", **{"X-Forwarded-Proto": "https"}) == {"https://drift.example"}
        assert examples(path, Host="[::1]:9") == {"http://[::1]:9"}
        for hostile in ("a;reboot", "$(reboot)", "a'b", "<b>", "a b"):
            assert examples(path, Host=hostile) in ({f"http://localhost:{port}"}, set())


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data_dir = Path(tmp_path_factory.mktemp("numbers"))
    # A label that a stranger might have sent, had the operator admitted it.
    write_publication(data_dir / "published.db", label=HOSTILE)
    with serving(data_dir) as running:
        yield running
        assert running.stop() == 0


def test_the_page_begins_with_what_matters(full: ServerProcess) -> None:
    page = full.request("GET", "/").body.decode()

    sections = re.findall(r'<section id="(\w+)"', page)
    assert sections == ["confidence", "versions", "speed", "found", "returning", "growth", "trust"]
    assert "1 of 3 categories with enough decisions is clearly approved less often when Drift is sure" in page
    assert page.index('class="lead"') < page.index('class="cards"') < page.index("<section")
    assert page.count('<li class="card">') == 4


def test_a_page_says_when_its_oldest_numbers_are_renewed_and_what_is_too_few(full: ServerProcess) -> None:
    page = html.unescape(full.request("GET", "/").body.decode())

    assert page.count("Four weeks to 1 November 2026; the next four are published on 30 November 2026.") == 2
    assert "Week to 22 November 2026; the next is published on 30 November 2026." in page
    assert "next on 30 November" in page
    assert "A dash stands for too few." in page


def test_what_is_found_has_a_picture(full: ServerProcess) -> None:
    for form in ("wide", "narrow"):
        picture = full.request("GET", f"/charts/found.svg?form={form}").body
        assert b">auth<" in picture
        assert b">40<" in picture
        assert b"<img" not in picture


def test_labels_are_text_wherever_they_stand(full: ServerProcess) -> None:
    assert HOSTILE not in full.request("GET", "/").body.decode()
    assert full.request("GET", "/charts/found.json").json["rows"][0]["language"] == HOSTILE


def test_every_address_on_the_page_answers_and_none_is_elsewhere(full: ServerProcess) -> None:
    page = full.request("GET", "/?days=90").body.decode()
    addresses = {html.unescape(one) for one in re.findall(r'(?:src|href|srcset)="([^"]+)"', page)}
    within = {one[1:] for one in addresses if one.startswith("#")}

    assert within <= set(re.findall(r'id="([^"]+)"', page))
    charts = {one for one in addresses if one.startswith("/charts/")}
    assert len(charts) > 20
    for address in charts:
        answer = full.request("GET", address)
        assert answer.status == 200, address
        assert b"no data yet" not in answer.body, address


def test_a_page_is_small_whatever_the_range(full: ServerProcess) -> None:
    for days in ("7", "30", "90", "all"):
        assert len(full.request("GET", f"/?days={days}").body) < 100_000


@pytest.mark.parametrize("name", ["unknown.svg", "course-unknown.svg", "confidence", "%3Cscript%3E.svg", "speed.exe"])
def test_an_image_always_answers(full: ServerProcess, name: str) -> None:
    answer = full.request("GET", f"/charts/{name}?theme=none&days=31")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert b"script" not in answer.body


def test_a_chart_has_the_colours_that_are_asked_for(full: ServerProcess) -> None:
    def chart(query: str) -> bytes:
        return full.request("GET", f"/charts/confidence.svg{query}").body

    assert b"prefers-color-scheme" in chart("")
    assert b"#0d1117" not in chart("?theme=light")
    assert len({chart(""), chart("?theme=light"), chart("?theme=dark"), chart("?form=narrow")}) == 4
    assert chart("?theme=dark") == chart("?theme=dark")


def test_a_category_with_few_voices_has_their_number_where_others_have_a_rate(tmp_path: Path) -> None:
    write_publication(tmp_path / "published.db", voices=6)
    with reading_published(tmp_path / "published.db") as numbers:
        assert numbers is not None
        seen = overview(numbers, span_of(None))
    assert seen is not None
    assert confidence_exhibit(seen).svg().count(b">12 voices<") == 3
    assert b"A row with fewer than 20 voices has their number instead of a rate." in dashboard_page(seen)


def test_a_chart_its_table_and_its_data_say_the_same(full: ServerProcess) -> None:
    rows = full.request("GET", "/charts/confidence.json").json["rows"]
    table = list(csv.DictReader(io.StringIO(full.request("GET", "/charts/confidence.csv").body.decode())))

    assert [row["category"] for row in rows] == [row["category"] for row in table] == ["styling", "api", "auth"]
    assert [row["high_voices"] for row in rows] == [int(row["high_voices"]) for row in table] == [120] * 3
    assert full.request("GET", "/charts/confidence.svg").body.count(b">styling<") == 1


def test_what_is_not_a_page_is_not_found(full: ServerProcess) -> None:
    for path in ("/charts", "/charts/", "/charts/a/b.svg", "/charts/../etc/passwd", "/unknown"):
        assert full.request("GET", path).status in (200, 404), path
    assert full.request("GET", "/unknown").json["code"] == "not_found"
    assert full.request("POST", "/", b"{}").status == 405


def test_the_page_says_what_came_today_before_it_is_published(tmp_path: Path) -> None:
    with serving(tmp_path, "--flush-interval-s", "0.05") as running:
        before = running.request("GET", "/")
        assert b"Today so far: 0 events" in before.body
        running.post(encode([make_event() for _ in range(3)]))
        page = before
        while page.headers["ETag"] == before.headers["ETag"]:
            page = running.request("GET", "/", headers={"If-None-Match": before.headers["ETag"]})
            page = page if page.status == 200 else before
        assert b"Today so far: 3 events, in the numbers tomorrow." in page.body


def test_a_new_publication_is_shown_without_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        assert b"No numbers to show yet" in running.request("GET", "/").body
        write_publication(tmp_path / "new.db")
        (tmp_path / "new.db").rename(tmp_path / "published.db")
        time.sleep(LOOK_INTERVAL_S)
        assert b"25 November 2026" in running.request("GET", "/").body
        write_publication(tmp_path / "new.db", last=date(2026, 11, 24))
        (tmp_path / "new.db").rename(tmp_path / "published.db")
        time.sleep(LOOK_INTERVAL_S)
        assert b"24 November 2026" in running.request("GET", "/").body


def test_a_page_names_only_addresses_of_this_service(server: ServerProcess) -> None:
    page = server.request("GET", "/").body.decode()

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    for address in addresses:
        assert address.startswith(("/", "#")), address
        if not address.startswith("#"):
            assert server.request("GET", address).status == 200, address
    assert "<script" not in page
    assert "style=" not in page


def test_a_page_that_a_browser_has_is_not_sent_again(server: ServerProcess) -> None:
    etag = server.request("GET", "/").headers["ETag"]
    again = server.request("GET", "/", headers={"If-None-Match": etag})
    assert again.status == 304
    assert again.body == b""
