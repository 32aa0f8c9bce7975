"""Fair shares: whose connection goes when connections or the bytes that they hold are too many."""

from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from telemetry.web.shares import ConnectionShare, Shares


class _Held:
    """A connection that only notes that it was evicted."""

    def __init__(self, *, at_work: bool = False) -> None:
        self.evicted = False
        self.at_work = at_work

    def is_at_work(self) -> bool:
        return self.at_work

    def evict(self) -> None:
        self.evicted = True


class _Crowd:
    """Shares on a clock that stands still until it is moved."""

    def __init__(self, *, connections_max: int = 100, bytes_max: int = 1_000) -> None:
        self.seconds = 0.0
        self.shares = Shares(connections_max=connections_max, bytes_max=bytes_max, monotonic=lambda: self.seconds)
        self.all: list[ConnectionShare] = []

    def enter(self, network: Hashable, held: int = 0, *, at_work: bool = False) -> ConnectionShare:
        share = self.shares.enter(_Held(at_work=at_work), network)
        self.all.append(share)
        self.shares.hold(share, held)
        return share

    def evicted(self) -> list[ConnectionShare]:
        return [share for share in self.all if share.holder.evicted]  # type: ignore[attr-defined]


def test_one_network_may_hold_everything_until_another_needs_some() -> None:
    crowd = _Crowd(connections_max=3)
    greedy = []
    for second in range(3):
        crowd.seconds = second
        greedy.append(crowd.enter("greedy"))
    assert not crowd.evicted()

    assert crowd.shares.has_room(0)
    crowd.enter("modest")

    assert crowd.evicted() == [greedy[0]]


def test_the_network_with_most_connections_loses_the_one_that_was_idle_longest() -> None:
    crowd = _Crowd(connections_max=5)
    for second, network in enumerate(["modest", "greedy", "greedy", "modest", "greedy"]):
        crowd.seconds = second
        crowd.enter(network)

    assert crowd.shares.has_room(0)

    assert crowd.evicted() == [crowd.all[1]]


def test_a_connection_whose_request_is_at_work_is_never_closed_for_another() -> None:
    crowd = _Crowd(connections_max=2)
    crowd.enter("greedy", at_work=True)
    crowd.enter("greedy", at_work=True)

    assert not crowd.shares.has_room(0)
    assert not crowd.evicted()


def test_connections_that_are_not_set_up_yet_take_room_too() -> None:
    crowd = _Crowd(connections_max=3)
    crowd.enter("a", at_work=True)

    assert crowd.shares.has_room(1)
    assert not crowd.shares.has_room(2)


def test_a_client_that_has_been_answered_stays_longer_than_those_that_never_asked() -> None:
    crowd = _Crowd(connections_max=4)
    known = crowd.enter("a")
    known.served(0.0)
    strangers = []
    for second in (1, 2, 3):
        crowd.seconds = second
        strangers.append(crowd.enter("a"))

    assert crowd.shares.has_room(0)
    assert crowd.evicted() == [strangers[0]]


def test_among_networks_with_one_connection_each_the_oldest_goes() -> None:
    crowd = _Crowd(connections_max=10)
    for second in range(10):
        crowd.seconds = second
        crowd.enter(second)
    assert crowd.shares.has_room(0)
    assert crowd.evicted() == [crowd.all[0]]


def test_slow_bytes_go_before_those_that_just_came_however_many_these_are() -> None:
    crowd = _Crowd()
    slow = [crowd.enter(f"attacker {number}", 90) for number in range(10)]
    crowd.seconds = 0.1

    large = crowd.enter("client", 600)

    assert not large.evicted
    assert set(crowd.evicted()) <= set(slow)
    assert crowd.shares.bytes <= 1_000


def test_a_fast_body_stays_however_slowly_the_service_reads_it() -> None:
    crowd = _Crowd(bytes_max=20_000_000)

    def attack(first: int, end: int) -> None:
        for network in range(first, end):
            crowd.seconds += 0.0004
            crowd.enter(network, 25_000)

    attack(0, 1_000)
    honest = crowd.enter("honest", 250_000)
    attack(1_000, 1_250)
    # The rest of it had been waiting to be read.
    crowd.shares.hold(honest, 500_000)
    attack(1_250, 1_500)

    assert len(crowd.evicted()) > 500
    assert not honest.evicted


def test_a_body_is_as_old_as_its_bytes_and_not_as_its_head() -> None:
    crowd = _Crowd()
    late = crowd.enter("late", 10)
    slow = [crowd.enter(f"attacker {number}", 90) for number in range(5)]
    crowd.seconds = 5.0

    crowd.shares.hold(late, 600)

    assert set(crowd.evicted()) < set(slow)


def test_a_body_that_stops_to_come_goes_after_a_while_although_it_began_fast() -> None:
    crowd = _Crowd(bytes_max=1_000_000)
    stalled = crowd.enter("stalled", 500_000)
    crowd.seconds = 2.0
    fresh = crowd.enter("fresh", 400_000)

    crowd.shares.hold(fresh, 600_000)

    assert crowd.evicted() == [stalled]


def test_what_left_or_was_evicted_holds_nothing() -> None:
    crowd = _Crowd()
    first, second = crowd.enter("a", 600), crowd.enter("b", 500)
    assert crowd.evicted() == [first]
    crowd.shares.hold(first, 700)
    assert crowd.shares.bytes == 500
    crowd.shares.leave(second)
    crowd.shares.leave(second)
    crowd.shares.hold(second, 400)
    assert (crowd.shares.bytes, len(crowd.shares)) == (0, 1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400), st.integers(0, 3)), max_size=60))
def test_the_bound_is_kept_whatever_comes(
    arrivals: list[tuple[int, int, int]],
) -> None:
    crowd = _Crowd()
    for network, held, pause in arrivals:
        crowd.seconds += pause
        crowd.enter(network, held)
        assert crowd.shares.bytes <= 1_000
        assert crowd.shares.bytes == sum(share.bytes for share in crowd.all)


def test_a_modest_network_keeps_its_bytes_beside_greedy_ones() -> None:
    crowd = _Crowd()
    modest = crowd.enter("modest", 100)
    for _ in range(50):
        crowd.enter("greedy", 100)
        crowd.enter("also greedy", 100)
    assert not modest.evicted
