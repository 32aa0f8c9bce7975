"""Cases 5 and 20 of the fault list: the power goes while segments are sealed and opened again."""

import random
import shutil
from pathlib import Path

import pytest

from tests.support import oracle, tally
from tests.support.power_cut import record
from tests.support.sealing_workload import START
from tests.support.segments import DAY_S, is_sealed
from tests.support.service import HandClock, service
from tests.test_power_cut import cut_at

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")


@pytest.mark.case(5, 20)
@pytest.mark.parametrize("images", [40, pytest.param(1_000, marks=pytest.mark.torture)])
async def test_a_power_cut_around_sealing_loses_no_event_and_sealing_is_done_in_the_end(
    tmp_path: Path, images: int
) -> None:
    data_dir = tmp_path / "data"
    calls = record("tests.support.sealing_workload", data_dir, tmp_path / "trace")
    chosen = random.Random(images)
    sealed = 0
    for number, cut in enumerate(chosen.choices(range(1, len(calls) + 1), k=images)):
        image = tmp_path / f"image-{number}"
        told = cut_at(calls[:cut], data_dir, image, random.Random(number))
        sealed += len(list((image / "events").glob("*.db")))
        hand = HandClock(START)
        hand.pass_time(5 * DAY_S)
        async with service(image, hand) as started:
            await started.upkeep.sealer.check()
            assert started.upkeep.sealer.failed == 0
        assert all(map(is_sealed, (image / "events").iterdir()))
        stored = {(raw.type, raw.timestamp, raw.installation_id) for raw in oracle.check(image)}
        acknowledged = {(event["type"], event["timestamp"], event["installationId"]) for event in told}
        tally.current().add(tries=1, acknowledged=len(acknowledged), lost=len(acknowledged - stored))
        assert acknowledged <= stored
        shutil.rmtree(image)
    assert sealed > images
