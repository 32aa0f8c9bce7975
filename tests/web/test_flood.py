"""Case 38 of the fault list: floods from one address, forged headers, and what must not be kept of either."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.events import Traffic, encode
from tests.support.http import (
    GET,
    Connection,
    assert_coded,
    audited,
    eventually,
    exchange,
    fresh_events,
    new_installation,
    parse,
    post_head,
    post_request,
    stored,
)
from tests.support.load import Ledger
from tests.support.server import Answer, ServerProcess, serving

BURST = 20
# A request every other second: hardly one becomes free during a flood, and one soon after it.
LIMITED = ("--rate-limit-requests-per-minute", "30", "--rate-limit-burst", str(BURST))
PROXIED = (*LIMITED, "--trusted-proxies", "127.0.0.1/32")
FORGED = [f"203.0.113.{number}" for number in range(60)]
ATTACKER, NEIGHBOUR = "198.51.100.66", "198.51.100.77"


def flood(server: ServerProcess, ledger: Ledger, header: str, values: list[str]) -> list[Answer]:
    """Post one small batch for each value of a header; return the answers. Other headers make claims, too."""
    traffic, answers = Traffic(), []
    for number, value in enumerate(values):
        batch = traffic.batch(2)
        claims = {"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"}
        answers.append(server.request("POST", "/v1/events", encode(batch), claims | {header: value}))
        if answers[-1].status == 200:
            ledger.enter(batch)
    return answers


def assert_held_to_the_burst(answers: list[Answer]) -> None:
    """Assert that a burst was admitted, and after it what became free meanwhile, which is little."""
    statuses = [answer.status for answer in answers]
    assert statuses[:BURST] == [200] * BURST
    assert set(statuses) == {200, 429}
    assert statuses.count(200) < BURST + 5


def assert_nothing_is_kept_of(server: ServerProcess, *texts: str) -> None:
    """Assert that neither a file of the service nor a line of its log holds a text."""
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for text in texts:
        assert not [path for path in files if text.encode() in path.read_bytes()], text
        assert not [line for line in server.output if server.url not in line and text in line], text


@pytest.mark.case(38)
def test_a_flood_with_forged_headers_is_refused_and_nothing_of_it_is_kept(data_dir: Path) -> None:
    ledger = Ledger()
    with serving(data_dir, *LIMITED, "--environment", "production") as server:
        answers = flood(server, ledger, "X-Forwarded-For", FORGED)

        assert_held_to_the_burst(answers)
        for answer in answers:
            if answer.status != 200:
                assert_coded(answer, 429, "rate_limited")
                assert 1 <= int(answer.headers["Retry-After"]) <= 2
        eventually(lambda: server.request("GET", "/v1/stats").status == 429)
        assert server.request("GET", "/v1/health").status == 200
        assert server.request("OPTIONS", "/v1/events").status == 204
        assert_nothing_is_kept_of(server, "127.0.0.1", *FORGED)
        eventually(lambda: server.post(encode(fresh_events(1, new_installation()))).status == 200)
        assert server.stop() == 0

    assert sum("sends too fast" in line for line in server.output) == 1
    assert_nothing_is_kept_of(server, "127.0.0.1", *FORGED)
    assert len(ledger.check(data_dir)) == len(ledger.acknowledged) + 1


@pytest.mark.case(38)
def test_behind_a_proxy_one_client_is_refused_and_its_neighbours_are_not(data_dir: Path) -> None:
    ledger = Ledger()
    with serving(data_dir, *PROXIED) as server:
        answers = flood(server, ledger, "X-Forwarded-For", [f"{forged}, {ATTACKER}" for forged in FORGED])
        assert_held_to_the_burst(answers)

        neighbour = {"X-Forwarded-For": f"{ATTACKER}, {NEIGHBOUR}"}
        batch = fresh_events(3, new_installation())
        assert server.request("POST", "/v1/events", encode(batch), neighbour).status == 200
        ledger.enter(batch)
        assert server.stop() == 0

    assert_nothing_is_kept_of(server, "127.0.0.1", ATTACKER, NEIGHBOUR, *FORGED)
    assert len(ledger.check(data_dir)) == len(ledger.acknowledged)


@pytest.mark.case(38)
@pytest.mark.parametrize(
    ("header", "value"),
    [("Forwarded", 'for={}, for="{}:4711";proto=https'), ("CF-Connecting-IP", "{}, {}"), ("x-real-ip", "{}, {}")],
)
def test_only_the_header_that_was_chosen_tells_clients_apart(data_dir: Path, header: str, value: str) -> None:
    ledger = Ledger()
    with serving(data_dir, *PROXIED, "--client-address-header", header) as server:
        answers = flood(server, ledger, header, [value.format(forged, ATTACKER) for forged in FORGED])
        assert_held_to_the_burst(answers)
        neighbour = {header.upper(): value.format(ATTACKER, NEIGHBOUR)}
        assert server.request("POST", "/v1/events", b'{"events":[]}', neighbour).status == 200
        assert server.stop() == 0

    assert_nothing_is_kept_of(server, "127.0.0.1", ATTACKER, NEIGHBOUR, *FORGED)
    assert len(ledger.check(data_dir)) == len(ledger.acknowledged)


@pytest.mark.parametrize("value", ["", "unknown", "for=192.0.2.1"])
def test_a_proxy_that_names_no_client_is_refused_and_the_log_names_the_header(data_dir: Path, value: str) -> None:
    with serving(data_dir, *PROXIED) as server:
        assert_held_to_the_burst(flood(server, Ledger(), "X-Forwarded-For", [value] * 60))
        assert server.stop() == 0

    (line,) = [line for line in server.output if "sends too fast" in line]
    assert "does not name in X-Forwarded-For" in line
    assert "client_address_header" in line
    assert "trusted_proxies" not in line


@pytest.fixture(scope="module")
def exhausted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that has admitted its one request for the next hour."""
    flags = ("--rate-limit-requests-per-minute", "1", "--rate-limit-burst", "1", "--body-timeout-s", "30")
    with audited(tmp_path_factory.mktemp("exhausted") / "data", *flags) as server:
        assert server.post(b'{"events":[]}').status == 200
        yield server


def test_a_refusal_does_not_wait_for_the_body_and_closes(exhausted: ServerProcess) -> None:
    installation = new_installation()
    smuggled = post_request(encode(fresh_events(1, installation)))
    for sent in (post_head(900_000), post_head(900_000) + smuggled):
        received = exchange(exhausted, sent)

        assert_coded(parse(received), 429, "rate_limited")
        assert parse(received).headers["Connection"] == "close"
        assert int(parse(received).headers["Retry-After"]) <= 60
        assert received.count(b"HTTP/1.1") == 1
    assert stored(exhausted, installation) == []


def test_a_body_that_came_along_leaves_the_connection_open(exhausted: ServerProcess) -> None:
    installation = new_installation()
    request = post_request(encode(fresh_events(1, installation)))

    with Connection(exhausted) as connection:
        connection.send(request * 3 + GET + b"Connection: close\r\n\r\n")
        received = connection.read()

    assert received.count(b"HTTP/1.1 429") == 3
    assert received.count(b"HTTP/1.1 200") == 1
    assert stored(exhausted, installation) == []


def test_zero_is_no_limit(data_dir: Path) -> None:
    flags = ("--rate-limit-requests-per-minute", "0", "--rate-limit-burst", "1")
    with audited(data_dir, *flags) as server:
        assert [server.post(b'{"events":[]}').status for _ in range(5)] == [200] * 5


def test_a_large_body_counts_as_many_requests(data_dir: Path) -> None:
    flags = ("--rate-limit-requests-per-minute", "1", "--rate-limit-burst", "20")
    with audited(data_dir, *flags) as server:
        assert server.post(b'{"events":[]}'.ljust(1_000_000)).status == 200
        assert [server.post(b'{"events":[]}').status for _ in range(6)] == [200] * 4 + [429] * 2


@pytest.mark.parametrize("path", ["/v1/events", "/v2/events", "/v1/feedback"])
def test_a_large_body_counts_as_more_requests_also_when_it_is_refused(data_dir: Path, path: str) -> None:
    with serving(data_dir, "--rate-limit-requests-per-minute", "6", "--rate-limit-burst", "3") as server:
        assert server.request("POST", path, b"[" + b" " * 65_000).status == 400
        assert server.request("GET", "/v1/stats").status == 200
    with serving(data_dir, "--rate-limit-requests-per-minute", "6", "--rate-limit-burst", "3") as server:
        assert server.request("POST", path, b"[" + b" " * 3 * 65_536).status == 400
        assert_coded(server.request("GET", "/v1/stats"), 429, "rate_limited")
