"""The disk budget: past it events are refused, loudly, and nothing is deleted."""

import json
from pathlib import Path

import pytest

from telemetry.errors import ErrorCode, Refusal
from tests.support import oracle
from tests.support.events import Traffic, encode
from tests.support.http import assert_coded
from tests.support.server import serving
from tests.support.service import HandClock, service


async def test_past_the_budget_events_are_refused_until_there_is_room_again(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    caplog.set_level("INFO")
    traffic = Traffic(moment=hand.now)
    # What a command works on takes room too.
    ballast = data_dir / "scratch-12345678" / "ballast"
    async with service(data_dir, hand, disk_bytes_max=4_000_000) as started:
        budget = started.upkeep.budget
        await started.service.accept(encode(traffic.batch(5)))
        ballast.parent.mkdir()
        ballast.write_bytes(bytes(4_000_001))
        await budget.check()
        assert budget.exceeded
        assert started.service.failing() is ErrorCode.STORAGE_FULL
        with pytest.raises(Refusal) as refused:
            await started.service.accept(encode(traffic.batch(5)))
        assert refused.value.code is ErrorCode.STORAGE_FULL
        invalid = encode([{"type": "scan_completion"}])
        assert json.loads(await started.service.accept(invalid))["eventsProcessed"] == 0
        ballast.unlink()
        await budget.check()
        await budget.check()
        assert started.service.failing() is None
        await started.service.accept(encode(traffic.batch(5)))

    assert [record.levelname for record in caplog.records if "budget" in record.message] == ["ERROR", "INFO"]
    assert len(oracle.check(data_dir)) == 10


def files_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def test_without_a_budget_the_size_is_known_and_nothing_is_refused(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(5)))
        await started.upkeep.budget.check()
        assert started.upkeep.budget.used_bytes == files_bytes(data_dir)
        assert not started.upkeep.budget.exceeded


def test_a_service_that_starts_past_its_budget_says_so_before_it_takes_anything(data_dir: Path) -> None:
    with serving(data_dir, "--disk-bytes-max", "1") as server:
        answer = server.post(encode(Traffic().batch(2)))
        assert_coded(answer, 503, "storage_full")
        assert server.request("GET", "/v1/health").json["reason"] == "storage_full"
        assert server.request("GET", "/v1/stats").status == 200
        assert server.stop() == 0

    assert any("disk_bytes_max" in line for line in server.output)
