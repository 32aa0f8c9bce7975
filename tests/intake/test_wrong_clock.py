"""Cases 27 and 46: the server's clock is wrong, and its clients agree on that."""

import uuid
from pathlib import Path

import pytest

from telemetry.errors import ErrorCode
from telemetry.intake.clock_judge import JUDGING_INTERVAL_S
from telemetry.running import Running
from telemetry.tasks.retention import RETENTION_INTERVAL_S
from tests.support import oracle
from tests.support.admin import scrape
from tests.support.crowd import SIZE, Crowd, post
from tests.support.events import encode, make_event, timestamp
from tests.support.http import fresh_events, new_installation
from tests.support.segments import DAY_S
from tests.support.server import ServerProcess, serving
from tests.support.service import HandClock, service

TO_1970_S = -56.9 * 365.25 * DAY_S
LONG_AGO = "2020-01-01T00:00:00.000Z"


async def judged_again(started: Running, hand: HandClock) -> ErrorCode | None:
    """Let a minute pass, and return why the service is unhealthy then."""
    hand.pass_time(JUDGING_INTERVAL_S)
    await started.upkeep.judge.check()
    return started.service.failing()


@pytest.mark.case(27, 46)
@pytest.mark.parametrize("days", [-20_000, -400, -2, 91, 400])
async def test_a_clock_that_known_installations_contradict_refuses_events_until_it_is_right(
    data_dir: Path, caplog: pytest.LogCaptureFixture, days: int
) -> None:
    hand = HandClock()
    crowd = Crowd(hand)
    async with service(data_dir, hand) as started:
        await crowd.become_known(started)
        await crowd.all_send(started)
        crowd.set_wrong(days * DAY_S)
        processed = await crowd.all_send(started)
        # Until so many have spoken their events are rejected, unless the log says that the clock is behind.
        assert processed == ([None] * SIZE if days < 0 else [0] * 19 + [None] * (SIZE - 19))
        assert started.service.failing() is ErrorCode.CLOCK
        assert "timedatectl" in caplog.messages[-1]
        # Nothing changes by itself, nor while nobody sends.
        assert await judged_again(started, hand) is ErrorCode.CLOCK
        hand.pass_time(2 * DAY_S)
        assert await judged_again(started, hand) is ErrorCode.CLOCK
        assert await crowd.all_send(started) == [None] * SIZE
        crowd.set_wrong(0)
        assert await judged_again(started, hand) is None
        assert await crowd.all_send(started) == [1] * SIZE
        ledger = started.service.ledger
        assert ledger.unsettled == 0
        assert ledger.received == ledger.accepted + ledger.rejected.total() + ledger.shed
        assert ledger.rejected.total() == (0 if days < 0 else 19)
    assert len(oracle.check(data_dir)) == 3 * SIZE
    assert not any(installation in caplog.text for installation in crowd.installations)


@pytest.mark.case(46)
async def test_while_the_clock_is_in_doubt_events_in_the_window_are_refused_too(data_dir: Path) -> None:
    hand = HandClock()
    crowd = Crowd(hand)
    async with service(data_dir, hand) as started:
        await crowd.become_known(started)
        crowd.set_wrong(100 * DAY_S)
        await crowd.all_send(started)

        assert await post(started, [make_event(timestamp=timestamp(hand.now))]) is None
        # What is no observation in any case needs no clock.
        assert await post(started, []) == 0
        assert await post(started, [{"type": "Not A Type"}]) == 0
        assert started.service.stats().body


@pytest.mark.case(46)
async def test_strangers_many_of_one_network_and_few_of_many_raise_no_doubt(data_dir: Path) -> None:
    hand = HandClock()
    crowd = Crowd(hand)
    async with service(data_dir, hand) as started:
        await crowd.become_known(started)
        for number in range(100):
            ahead = make_event(installationId=str(uuid.uuid4()), timestamp=timestamp(hand.now, days=2))
            assert await post(started, [ahead], network=number) == 0
        for number in range(SIZE):
            assert await crowd.send(started, number, network=number % 4, timestamp=LONG_AGO) == 0
        hand.pass_time(1_000)
        for number in range(19):
            assert await crowd.send(started, number, network=number, timestamp=LONG_AGO) == 0

        assert started.service.failing() is None
        assert await judged_again(started, hand) is None


@pytest.mark.case(46)
async def test_installations_that_were_made_up_today_raise_no_doubt_where_others_are_known(data_dir: Path) -> None:
    hand = HandClock()
    made_up = Crowd(hand, seed=2)
    async with service(data_dir, hand) as started:
        await Crowd(hand, size=20).become_known(started)
        await made_up.all_send(started)
        await started.publisher.flush()

        assert await made_up.all_send(started, timestamp=LONG_AGO) == [0] * SIZE
        assert await judged_again(started, hand) is None


@pytest.mark.case(46)
async def test_on_its_first_day_a_service_believes_the_installations_it_has(data_dir: Path) -> None:
    hand = HandClock()
    crowd = Crowd(hand)
    async with service(data_dir, hand) as started:
        await crowd.all_send(started)
        await started.publisher.flush()

        assert (await crowd.all_send(started, timestamp=LONG_AGO))[18:21] == [0, None, None]
        assert started.service.failing() is ErrorCode.CLOCK


@pytest.mark.case(46)
async def test_a_minority_with_wrong_clocks_raises_no_doubt_and_a_majority_that_comes_back_ends_it(
    data_dir: Path,
) -> None:
    hand = HandClock()
    wrong, right = Crowd(hand, seed=1), Crowd(hand, size=SIZE + 1, seed=2)
    async with service(data_dir, hand) as started:
        await wrong.all_send(started)
        await right.become_known(started)
        await right.all_send(started)
        assert await wrong.all_send(started, timestamp=LONG_AGO) == [0] * SIZE
        assert await judged_again(started, hand) is None
        # A night later only those are up.
        hand.pass_time(30_000)
        assert (await wrong.all_send(started, timestamp=LONG_AGO))[-1] is None
        assert await right.all_send(started) == [None] * len(right.installations)
        assert await judged_again(started, hand) is None
        assert await right.all_send(started) == [1] * len(right.installations)


@pytest.mark.case(46)
async def test_a_queue_from_before_an_outage_does_not_contradict_the_clock_if_its_newest_event_is_in_the_window(
    data_dir: Path,
) -> None:
    hand = HandClock()
    crowd = Crowd(hand)
    async with service(data_dir, hand) as started:
        await crowd.become_known(started)
        hand.pass_time(100 * DAY_S)
        for number in range(SIZE):
            assert await post(started, [crowd.event(number, timestamp=LONG_AGO), crowd.event(number)], number) == 1
        assert started.service.failing() is None


@pytest.mark.case(46)
async def test_a_few_installations_keep_their_queues_when_the_clock_starts_before_the_log(data_dir: Path) -> None:
    for error_s in (-2 * DAY_S, TO_1970_S):
        hand = HandClock()
        few = Crowd(hand, size=3, networks=1, seed=int(-error_s))
        folder = data_dir / str(int(-error_s))
        async with service(folder, hand) as started:
            await few.all_send(started)
        few.set_wrong(error_s)
        async with service(folder, hand) as started:
            assert await few.all_send(started) == [None] * 3
            assert started.service.failing() is ErrorCode.CLOCK
            few.set_wrong(0)
            assert await judged_again(started, hand) is None
            assert await few.all_send(started) == [1] * 3
        assert len(oracle.check(folder)) == 6


@pytest.mark.case(46)
async def test_a_clock_before_the_program_was_made_refuses_what_is_later(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock("1970-01-02T00:00:00")
    right = timestamp(HandClock().now)
    async with service(data_dir, hand) as started:
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert started.service.failing() is ErrorCode.CLOCK
        assert await post(started, [make_event(timestamp=right)]) is None
        assert await post(started, [make_event(timestamp=timestamp(hand.now))]) == 1
        hand.jump((HandClock().now - hand.now).total_seconds())
        assert started.service.failing() is None
        assert await post(started, [make_event(timestamp=right)]) == 1


@pytest.mark.case(27)
async def test_a_clock_that_was_ahead_and_set_right_goes_on_although_the_log_is_ahead(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    few = Crowd(hand, size=3)
    async with service(data_dir, hand) as started:
        few.set_wrong(20 * DAY_S)
        assert await few.all_send(started) == [1] * 3
    few.set_wrong(0)
    async with service(data_dir, hand) as started:
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert started.service.failing() is None
        stranger = make_event(installationId=str(uuid.uuid4()), timestamp=timestamp(hand.now, days=2))
        # It agrees with neither.
        assert await post(started, [stranger]) == 0
        assert await few.all_send(started) == [1] * 3
        # From then on the log is known to be ahead.
        assert await post(started, [stranger | {"timestamp": timestamp(hand.now, days=20)}]) == 0
        assert await judged_again(started, hand) is None
    assert len(oracle.check(data_dir)) == 6


@pytest.mark.case(27)
async def test_retention_removes_nothing_while_the_clock_is_in_doubt(data_dir: Path) -> None:
    hand = HandClock()
    crowd = Crowd(hand)
    async with service(data_dir, hand) as started:
        await crowd.become_known(started)
        crowd.set_wrong(400 * DAY_S)
        await crowd.all_send(started)
        hand.pass_time(2 * RETENTION_INTERVAL_S)
        await started.upkeep.retention.check()

        assert started.upkeep.retention.retired == 0


@pytest.mark.case(27)
async def test_a_clock_that_is_set_back_again_is_suspected_again(data_dir: Path) -> None:
    hand = HandClock()
    few = Crowd(hand, size=3)
    async with service(data_dir, hand) as started:
        await few.become_known(started)
        await few.all_send(started)
        # Known installations agree with a clock that is set back, because theirs were as wrong, and contradict later.
        few.hand.jump(-2 * DAY_S)
        assert await few.all_send(started) == [1] * 3
        assert await few.send(started, 0, timestamp=LONG_AGO) == 0
        assert await judged_again(started, hand) is None
        hand.pass_time(3 * DAY_S)
        assert await few.all_send(started) == [1] * 3
        few.set_wrong(-2 * DAY_S)
        assert await few.all_send(started) == [None] * 3


@pytest.mark.case(46)
def test_a_real_service_with_a_wrong_clock_keeps_clients_queues_and_heals_after_a_restart(
    data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import time\nright = time.time\ntime.time = lambda: right() + 91 * 86400\n"
    )
    flags = ("--trusted-proxies", "127.0.0.1/32", "--rate-limit-requests-per-minute", "0")
    installations = [new_installation() for _ in range(SIZE)]

    def statuses(server: ServerProcess) -> list[int]:
        answers = [
            server.request(
                "POST", "/v1/events", encode(fresh_events(1, name)), {"X-Forwarded-For": f"192.0.2.{number % 5}"}
            )
            for number, name in enumerate(installations)
        ]
        assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
        return [answer.status for answer in answers]

    with serving(data_dir, *flags) as server:
        assert statuses(server) == [200] * SIZE
        assert server.stop() == 0
    with serving(data_dir, *flags, environment={"PYTHONPATH": str(tmp_path)}) as server:
        assert statuses(server) == [200] * 19 + [503] * (SIZE - 19)
        health = server.request("GET", "/v1/health")
        assert (health.status, health.json["reason"]) == (503, "clock")
        assert server.request("GET", "/v1/stats").status == 200
        metrics = scrape(data_dir)
        assert (metrics.value("healthy"), metrics.of("failing")["clock"]) == (0, 1)
        assert server.stop() == 0
        output = "\n".join(server.output)
        assert "timedatectl" in output
        assert not any(secret in output for secret in ("192.0.2", *installations))
    with serving(data_dir, *flags) as server:
        assert statuses(server) == [200] * SIZE
        assert server.stop() == 0
    assert len(oracle.check(data_dir)) == 2 * SIZE
