"""Timestamps: what RFC 3339 allows is read on any Python, and stored in one form that every reader takes."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.timestamps import parse_timestamp, parse_timestamps, stored_timestamp

DAY = "2026-11-23"
# The instants in seconds after the midnight that begins the day.
READ = {
    f"{DAY}T10:00:00Z": 36_000,
    f"{DAY}T10:00:00z": 36_000,
    f"{DAY}t10:00:00z": 36_000,
    f"{DAY}T10:00:00.1Z": 36_000.1,
    f"{DAY}T10:00:00.222Z": 36_000.222,
    f"{DAY}T10:00:00.123456789Z": 36_000.123456,
    f"{DAY}T10:00:00.{'1' * 90}Z": 36_000.111111,
    f"{DAY}T10:00:00+00:00": 36_000,
    f"{DAY}T10:00:00-00:00": 36_000,
    f"{DAY}T10:00:00.5+02:00": 28_800.5,
    f"{DAY}T10:00:00-07:30": 63_000,
    f"{DAY}T10:00:00+23:59": -50_340,
    f"{DAY}T23:59:60Z": 86_400,
    f"{DAY}T23:59:60.25z": 86_400.25,
    f"{DAY}T15:59:60-08:00": 86_400,
}
NOT_READ = [
    "", DAY, f"{DAY}T16:22:38", f"{DAY} 16:22:38Z", f"{DAY}_16:22:38Z", "20261123T162238Z", "2026-13-01T00:00:00Z",
    "2026-02-29T00:00:00Z", "2026-11-31T00:00:00Z", f"{DAY}T16:60:00Z", f"{DAY}T24:00:00Z", f"{DAY}T24:00:00.000Z",
    f"{DAY}T16:22:60Z", f"{DAY}T23:59:60+01:00", f"{DAY}T23:59:61Z", "1795450958222", f"{DAY}T16:22:38Z\n",
    f" {DAY}T16:22:38Z", f"{DAY}T16:22:38.222ZZ", f"{DAY}T16:22:38 UTC", "now", f"-{DAY}T16:22:38Z",
    f"+{DAY}T16:22:38Z", f"{DAY}T16:22:38+99:00", f"{DAY}T16:22:38+24:00", f'{DAY}T16:22:38"Z',
    f"{DAY}T16:22:38/+01:00", "2026-W48-4T00:00:00Z", "2026-327T00:00:00Z", f"{DAY}T00Z", f"{DAY}T00:00Z",
    f"{DAY}T000000Z", f"{DAY}T00000012Z", f"{DAY}T00:00:00,123Z", f"{DAY}T00:00:00:123Z", f"{DAY}T00:00:00:Z",
    f"{DAY}T00:00:00.Z", f"{DAY}T00:00:00+0000", f"{DAY}T00:00:00+00", f"{DAY}T00:00:00+00:00:00",
    f"{DAY}T00:00:00+00:00:00.000001", f"{DAY}T00:00:00+00000000", f"{DAY}T00:00:00\N{MINUS SIGN}01:00",
    f"{DAY}T0\N{ARABIC-INDIC DIGIT THREE}:00:00.000Z", "9999-12-31T23:59:60Z", "0000-01-01T00:00:00Z",
]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), READ.items())
def test_every_form_of_rfc_3339_is_read(text: str, seconds: float) -> None:
    assert parse_timestamp(text) == datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize("text", NOT_READ)
def test_what_is_no_timestamp_is_not_read(text: str) -> None:
    assert parse_timestamp(text) is None
    assert parse_timestamps([text]) == []


@pytest.mark.parametrize("text", READ)
def test_the_stored_form_names_the_same_instant_and_is_read_by_everyone(text: str) -> None:
    stored = stored_timestamp(text)

    assert parse_timestamp(stored) == parse_timestamp(text)
    assert stored_timestamp(stored) == stored
    assert stored[10] + stored[-1] == "TZ"
    with closing(sqlite3.connect(":memory:")) as connection:
        ((read,),) = connection.execute("SELECT datetime(?)", (stored,))
    assert read == f"{datetime.fromisoformat(stored):%Y-%m-%d %H:%M:%S}"


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001
def test_timestamps_as_clients_write_them_are_read_exactly_and_stored_as_they_are(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    text = moment.isoformat(timespec="milliseconds")
    usual = text.replace("+00:00", "Z")

    assert parse_timestamp(usual) == parse_timestamp(text) == moment
    assert parse_timestamps([usual, usual]) == [moment, moment]
    assert stored_timestamp(usual) == stored_timestamp(text) == usual


@given(st.text(max_size=80) | st.text(st.sampled_from("0123456789-:TZ.,+W٣ \n"), min_size=10, max_size=40))
def test_what_is_read_as_a_timestamp_is_plain_and_has_an_offset(text: str) -> None:
    parsed = parse_timestamp(text)
    if parsed is not None:
        assert parsed.utcoffset() is not None
        assert set(text) <= set("0123456789-:TtZz.+")


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 40), st.integers(0, 1), st.characters())
def test_a_damaged_timestamp_is_plain_or_refused_and_is_read_alike_alone_and_with_others(
    moment: datetime, at: int, replaced: int, char: str
) -> None:
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    damaged = text[:at] + char + text[at + replaced :]
    together = parse_timestamps([text, damaged])

    assert together in ([], [parse_timestamp(text), parse_timestamp(damaged)])
    assert parse_timestamp(damaged) is None or set(damaged) <= set("0123456789-:TtZz.+")
