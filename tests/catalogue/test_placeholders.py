"""Ids that stand for no installation: their events are stored, and no count takes them for an installation."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.installations import PLACEHOLDERS, is_placeholder
from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.events import encode, make_event, timestamp
from tests.support.old_worker import make_old_database, old_event
from tests.support.segments import DAY_S, sealed_days
from tests.support.service import HandClock, service

# As clients send them; an empty one can come only from the old worker.
SENT = ["unknown", "Unknown", "UNKNOWN", "undefined", "null", "NULL", "NaN", "None", "nil", "0", "anonymous",
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"]  # fmt: skip
REAL = ["5387623e-62a8-468c-9fbe-92f1c6a8b775", "5387623E-62A8-468C-9FBE-92F1C6A8B775"]
UNIQUE = "SELECT value FROM daily_stats WHERE metric = 'unique_installations'"


@given(st.sampled_from(sorted(PLACEHOLDERS)), st.data())
def test_any_case_of_a_placeholder_is_one(text: str, data: st.DataObject) -> None:
    mixed = "".join(data.draw(st.sampled_from([char.lower(), char.upper()])) for char in text)

    assert is_placeholder(mixed)


@pytest.mark.parametrize("text", SENT)
def test_every_known_placeholder_is_recognised(text: str) -> None:
    assert is_placeholder(text)


@given(st.uuids(version=4).map(str) | st.sampled_from(["unknown-1", "nullable", "00", "abc123", "u"]))
def test_nothing_else_is_a_placeholder(text: str) -> None:
    assert not is_placeholder(text)


async def test_placeholders_are_stored_and_are_no_installation_in_any_count_before_and_after_sealing(
    data_dir: Path,
) -> None:
    hand = HandClock()
    events = [make_event(installationId=sent, timestamp=timestamp(hand.now)) for sent in [*SENT, REAL[0]]]
    async with service(data_dir, hand) as started:
        receipt = json.loads(await started.service.accept(encode(events)))
        await started.publisher.flush()
        live = oracle.read(data_dir / "telemetry.db", UNIQUE)
        hand.pass_time(DAY_S)
        await started.upkeep.sealer.check()

    assert receipt == {"success": True, "eventsProcessed": len(events)}
    assert len(sealed_days(data_dir)) == 1
    assert live == oracle.read(data_dir / "telemetry.db", UNIQUE) == [(1,)]
    assert [event.installation_id for event in oracle.check(data_dir)] == [*SENT, REAL[0]]
    succeed("check", "--data-dir", data_dir)


def test_placeholders_of_the_old_worker_are_no_installations_either(data_dir: Path, tmp_path: Path) -> None:
    sent = ["", *SENT, REAL[0]]
    rows = [
        old_event(number, "2026-11-20 10:00:00", installation=installation)
        for number, installation in enumerate(sent, 1)
    ]
    old = make_old_database(tmp_path / "old.db", rows)

    report = json.loads(succeed("import", "d1", old, "--data-dir", data_dir, "--json"))

    assert report["events"]["added"] == len(sent)
    assert oracle.read(data_dir / "telemetry.db", UNIQUE) == [(1,)]
    assert len(oracle.check(data_dir)) == len(sent)


@pytest.mark.parametrize("command", ["forget", "exclude"])
@pytest.mark.parametrize("placeholder", ["undefined", "NULL", "00000000-0000-0000-0000-000000000000"])
def test_a_placeholder_cannot_be_erased_as_an_installation(data_dir: Path, command: str, placeholder: str) -> None:
    failed = run(command, placeholder, "--data-dir", data_dir)

    assert (failed.returncode, "not the id of an installation" in failed.stderr) == (2, True)
