import random

import pytest

from telemetry.web.rate_limit import RateLimiter


def limiter(*, per_minute: int = 60, burst: int = 3, clients_max: int = 1_000) -> RateLimiter:
    return RateLimiter(requests_per_minute=per_minute, burst=burst, clients_max=clients_max)


@pytest.mark.parametrize("burst", [1, 3, 600])
@pytest.mark.parametrize("now", [0.0, 3.3, 12_345_678.9])
def test_a_burst_is_admitted_whole_and_then_as_many_as_the_rate_allows(burst: int, now: float) -> None:
    limit = limiter(per_minute=600, burst=burst)

    assert [limit.wait_s(b"a", now) for _ in range(burst)] == [0.0] * burst
    assert limit.wait_s(b"a", now) == pytest.approx(0.1, abs=0.001)
    assert limit.wait_s(b"a", now + 0.09) > 0
    assert limit.wait_s(b"a", now + 0.1) == 0.0
    assert limit.wait_s(b"a", now + 0.1) > 0
    assert limit.refused == 3


def test_who_waits_as_told_is_admitted() -> None:
    limit, now, chosen = limiter(per_minute=7), 1_000.0, random.Random(1)
    for _ in range(200):
        now += chosen.uniform(0, 9)
        if wait_s := limit.wait_s(b"a", now):
            assert limit.wait_s(b"a", max(now, now + wait_s - 0.05)) > 0
            now += wait_s
            assert limit.wait_s(b"a", now) == 0.0
    assert limit.refused > 20


def test_a_refusal_costs_the_client_nothing() -> None:
    limit = limiter()
    for _ in range(100):
        limit.wait_s(b"a", 0.0)

    assert limit.wait_s(b"a", 1.0) == 0.0


def test_a_burst_is_free_again_after_a_rest_and_no_more_than_that() -> None:
    limit = limiter()
    for _ in range(3):
        limit.wait_s(b"a", 0.0)

    assert [bool(limit.wait_s(b"a", 1_000.0)) for _ in range(5)] == [False, False, False, True, True]


def test_clients_do_not_share() -> None:
    limit = limiter(burst=1)

    assert [limit.wait_s(client, 0.0) > 0 for client in (b"a", b"b", b"a", b"b", b"c")] == [
        False, False, True, True, False,
    ]  # fmt: skip


def test_a_flood_from_many_addresses_takes_bounded_memory_and_locks_nobody_out() -> None:
    limit = limiter(burst=1, clients_max=100)
    for number in range(10_000):
        assert limit.wait_s(number.to_bytes(8, "big"), 0.0) == 0.0
        assert len(limit) <= 100

    assert limit.wait_s(b"honest", 0.0) == 0.0
    # The newest are still held to their rate.
    assert limit.wait_s((9_999).to_bytes(8, "big"), 0.0) > 0


def test_a_client_is_forgotten_when_its_whole_burst_is_free_again() -> None:
    limit = limiter()
    for number in range(500):
        limit.wait_s(number.to_bytes(8, "big"), 0.0)
    assert len(limit) == 500

    # Every request removes up to two that rest.
    for number in range(250):
        limit.wait_s(b"another", 2.0 + 2 * number)
    assert len(limit) <= 250
    for number in range(250):
        limit.wait_s(b"another", 600.0 + 2 * number)
    assert len(limit) == 1


def test_no_address_is_kept_and_hashes_of_two_processes_differ() -> None:
    one, other = limiter(), limiter()
    one.wait_s(b"\x7f\x00\x00\x01", 0.0)
    other.wait_s(b"\x7f\x00\x00\x01", 0.0)

    (kept,), (kept_by_other,) = one._free_at, other._free_at
    assert b"\x7f\x00\x00\x01" not in kept
    assert kept != kept_by_other


def test_what_is_owed_is_never_refused_and_later_requests_wait_for_it() -> None:
    limiter = RateLimiter(requests_per_minute=60, burst=10, clients_max=10)
    limiter.owe(b"a", 64, now=0.0)

    assert limiter.wait_s(b"a", now=0.0) == pytest.approx(55)
    assert limiter.wait_s(b"b", now=0.0) == 0
    assert limiter.wait_s(b"a", now=55.0) == 0


@pytest.mark.parametrize("burst", range(1, 31))
def test_who_owes_no_more_than_is_spared_can_come_again_at_once_and_be_charged(burst: int) -> None:
    limit = limiter(per_minute=1, burst=burst)
    assert limit.wait_s(b"a", 0.0) == 0.0
    limit.owe(b"a", limit.spare, 0.0)

    tries = 2 if burst > 5 else 1
    for _ in range(min(tries, burst - 1)):
        assert limit.wait_s(b"a", 0.0) == 0.0
    if burst > 1:
        assert limit.charge_s(b"a", 50, 0.0) == 0.0
