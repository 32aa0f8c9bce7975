"""The read API answers what is published, from one file, and says what may be asked."""

import asyncio
import csv
import io
import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from telemetry.catalogue.logged import LOGGED_EVENTS
from telemetry.catalogue.purpose import OWNERS
from telemetry.catalogue.purposes import OF_TYPE, REVIEWS, purposes_of
from telemetry.errors import ErrorCode, Refusal
from telemetry.published.series import SERIES
from telemetry.web.answers import Answer
from telemetry.web.api import answers
from telemetry.web.api.download import Download
from telemetry.web.api.explanations import Explanations
from telemetry.web.api.site import PublicApi
from telemetry.web.clients import ClientLimit
from telemetry.web.pages.privacy import Keeping
from telemetry.web.routing import Routes, find_route
from tests.support.publishing import publish_four_weeks, published_bytes

Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with four weeks of numbers, made once."""
    data_dir = Path(tmp_path_factory.mktemp("published")) / "data"
    asyncio.run(publish_four_weeks(data_dir))
    return data_dir / "published.db"


def asking(routes: Routes) -> Ask:
    async def ask(address: str, **headers: str) -> Answer:
        request = make_mocked_request("GET", address, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return await find_route(routes, request)[1](request)

    return ask


@pytest.fixture
def ask(published: Path) -> Ask:
    api = PublicApi(published, None)
    return asking({**api.routes, **Explanations(api, Keeping(90, 5)).routes})


def document(answer: Answer) -> Any:
    assert answer.status == 200
    return json.loads(bytes(answer.body))


def table(answer: Answer) -> list[dict[str, str]]:
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(bytes(answer.body).decode())))


@pytest.mark.parametrize("name", [series.name for series in SERIES])
async def test_a_series_is_what_is_in_the_file_as_json_and_as_csv(ask: Ask, published: Path, name: str) -> None:
    with closing(sqlite3.connect(published)) as connection:
        connection.row_factory = sqlite3.Row
        there = [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]

    rows = document(await ask(f"/v1/series/{name}"))["rows"]
    lines = table(await ask(f"/v1/series/{name}?format=csv"))

    flat = [{"window_start": row["window_start"], **row["labels"], **row["amounts"]} for row in rows]
    flat = [one | {"installations": row["installations"]} for one, row in zip(flat, rows, strict=True)]
    assert flat == [{key: row[key] for key in one} for row, one in zip(there, flat, strict=True)]
    assert lines == [{key: "" if value is None else str(value) for key, value in row.items()} for row in flat]
    # Nobody in this file says that a pipeline or an agent runs the tool.
    assert there or name in {"frameworks", "features", *(series.beside for series in SERIES)}


async def test_rows_are_chosen_by_days_cohort_and_key(ask: Ask) -> None:
    all_rows = document(await ask("/v1/series/versions"))["rows"]
    regular = document(await ask("/v1/series/versions?cohort=regular"))["rows"]
    one_day = document(await ask("/v1/series/versions?from=2026-11-03&to=2026-11-03&key=0.10.0&cohort=regular"))["rows"]

    assert len(all_rows) >= len(regular) > len(one_day) == 1
    assert regular == [row for row in all_rows if row["labels"]["cohort"] == "regular"]
    assert one_day[0]["labels"] == {"cohort": "regular", "version": "0.10.0"}
    assert document(await ask("/v1/series/patterns?key=typescript/auth"))["rows"] == []
    assert document(await ask("/v1/series/patterns?key=typescript/api"))["rows"]
    for nothing in ("patterns?cohort=development", "patterns?key=a/b/c", "versions?from=2026-12-01", "versions?page=9"):
        assert document(await ask(f"/v1/series/{nothing}"))["rows"] == [], nothing


@pytest.mark.parametrize("path", ["/v1/series/events", "/v1/signatures"])
async def test_pages_are_bounded_and_have_every_row_once(
    ask: Ask, published: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    rows = document(await ask(path))["rows"]
    monkeypatch.setattr(answers, "PAGE_ROWS_MAX", 2)
    in_pages = asking(PublicApi(published, None).routes)
    found: list[Any] = []
    page = 1
    while page:
        part = document(await in_pages(f"{path}?page={page}"))
        assert len(part["rows"]) <= 2
        found, page = [*found, *part["rows"]], part["next_page"]

    assert found == rows
    assert len(rows) > 2


async def test_durations_decisions_thresholds_and_signatures_say_what_the_series_say(ask: Ask) -> None:
    durations = document(await ask("/v1/durations?what=scan"))["rows"]
    assert durations[0]["version"] is None
    assert durations[0]["observations"] == sum(row["observations"] for row in durations[1:])
    assert all(0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"] for row in durations)
    decisions = document(await ask("/v1/decisions"))
    assert (decisions["window_start"], decisions["last_day"]) == ("2026-11-02", "2026-11-29")
    named = [row for row in decisions["rows"] if row["approval"] is not None]
    assert named
    for row in named:
        assert 0 <= row["approval_low"] <= row["approval"] <= row["approval_high"] <= 1
        assert abs(sum(row["actions"].values()) - 1) < 0.01
    assert [row["approve"] for row in table(await ask("/v1/decisions?format=csv")) if row["approve"]]
    found = document(await ask("/v1/thresholds?target=0.5"))
    assert {row["category"] for row in found["rows"]} == {row["category"] for row in decisions["rows"]}
    signatures = document(await ask("/v1/signatures"))["rows"]
    assert all(abs(sum(row["shares"]["method"].values()) - 1) < 0.01 for row in signatures if row["shares"])
    assert document(await ask("/v1/decisions?window=2020-01-06"))["rows"] == []


@pytest.mark.parametrize(
    "query",
    [
        "/v1/series/versions?form=csv", "/v1/series/versions?format=xml", "/v1/series/versions?from=2026-11-2",
        "/v1/series/versions?from=2026-11-23%0A", "/v1/durations?to=2026-02-30", "/v1/decisions?window=0000-00-00",
        "/v1/series/versions?page=0", "/v1/series/versions?page=1e99",
        "/v1/series/versions?key=", "/v1/series/versions?key=a&key=b", "/v1/thresholds?target=nan",
        "/v1/thresholds?target=1", "/v1/thresholds?target=%00", "/v1/durations?what=%ff%fe&x=%ff", "/v1/series?page=2",
    ],
)  # fmt: skip
async def test_what_may_not_be_asked_is_refused_by_name(ask: Ask, query: str) -> None:
    with pytest.raises(Refusal) as refused:
        await ask(query)
    assert refused.value.code is ErrorCode.PARAMETER_INVALID
    assert json.loads(json.dumps(refused.value.sentence)).endswith(")")


async def test_an_answer_has_an_etag_and_is_open_to_all_sites(ask: Ask) -> None:
    for path in ("/v1/series", "/openapi.json", "/schema", "/docs", "/privacy", "/published.db"):
        first = await ask(path)
        again = await ask(path, If_None_Match=first.headers["ETag"])
        assert (again.status, again.body) == (304, b"")
        assert "max-age=" in first.headers["Cache-Control"]
        page = path in {"/docs", "/privacy"}
        assert page or first.headers["Access-Control-Allow-Origin"] == "*"
        assert not page or "script" not in first.headers["Content-Security-Policy"]


async def test_nothing_published_is_an_empty_answer_and_no_error(tmp_path: Path) -> None:
    api = PublicApi(tmp_path / "published.db", None)
    ask = asking({**api.routes, **Explanations(api, Keeping(90, 5)).routes})
    for path in ("/v1/series/versions", "/v1/durations", "/v1/decisions", "/v1/thresholds", "/v1/signatures"):
        found = document(await ask(path))
        assert (found["rows"], found["complete_up_to"]) == ([], None)
        assert len(bytes((await ask(f"{path}?format=csv")).body).splitlines()) == 1
    assert (await ask("/docs")).status == 200
    with pytest.raises(Refusal) as refused:
        await ask("/published.db")
    assert refused.value.code is ErrorCode.NOT_PUBLISHED


async def test_the_file_is_sent_as_it_is_within_its_bound_and_the_rate_of_its_size(published: Path) -> None:
    owed: list[int] = []

    class Limit(ClientLimit):
        def __init__(self) -> None:
            pass

        def note_body(self, _request: object, size: int, *, comes_again: bool = False) -> None:  # noqa: ARG002
            owed.append(size)

    request = make_mocked_request("GET", "/published.db")
    answer = await Download(published, Limit()).get(request)
    assert bytes(answer.body) == published_bytes(published.parent)
    assert owed == [len(answer.body)]
    with pytest.raises(Refusal) as refused:
        await Download(published, None, bytes_max=1_000).get(request)
    assert refused.value.code is ErrorCode.FILE_TOO_LARGE


async def test_the_pages_name_every_address_parameter_field_and_purpose(ask: Ask) -> None:
    docs = bytes((await ask("/docs")).body).decode()
    privacy = bytes((await ask("/privacy")).body).decode()
    assert "A signature that only one installation has ever sent: until its last raw events are removed" in privacy
    described = document(await ask("/openapi.json"))
    for path, operations in described["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            assert path in docs
            assert parameter["in"] == "path" or f"<code>{parameter['name']}</code>" in docs
    assert "2026-11-29" in docs
    assert OF_TYPE.keys() == REVIEWS.keys() == LOGGED_EVENTS.keys()
    for kind, event in LOGGED_EVENTS.items():
        fields = {field.encode_name for field in msgspec.structs.fields(event)}
        assert purposes_of(kind).keys() == fields | {"type"}
        for name, one in purposes_of(kind).items():
            assert f"<code>{name}</code>" in privacy
            assert str(REVIEWS[kind]) in privacy
            assert one.purpose.replace("'", "&#39;") in privacy
            assert one.owner in OWNERS
            assert set(one.series) <= {"benchmarks", *(series.name for series in SERIES)}
    assert "90 days" in privacy
    assert "at least 5 installations" in privacy
    assert "<script" not in docs + privacy
    # On a phone a table is wider than the page.
    assert all(page.count("<table") == page.count('<div class="scroll"') > 4 for page in (docs, privacy))
    assert (await ask("/docs")).body == (await ask("/docs")).body
    assert (await ask("/privacy")).body is (await ask("/privacy")).body
