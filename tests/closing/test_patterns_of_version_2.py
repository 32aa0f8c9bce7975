"""Patterns and decisions of version 2 in public: rules that the operator admits, one spelling, and approval."""

from pathlib import Path

from telemetry.catalogue.wire import Wire
from telemetry.dataset.rows import identity_of
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import encode, installation_id, make_event, timestamp
from tests.support.events_v2 import encode_bare, make_event_v2
from tests.support.public_oracle import check_published
from tests.support.publishing import production
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

HASH = "0a" * 32
PATTERN = {
    "format_version": 2, "category": "data_access", "confidence": 0.9, "detection_method": "AstVisitor",
    "location_count": 12, "outlier_count": 2, "file_spread": 7, "confidence_mean": 0.87, "confidence_stddev": 0.12,
    "tier": "established", "momentum": "sideways",
}  # fmt: skip
DECISION = {
    "category": "data_access", "confidence_at_action": 0.9, "hours_since_discovery": 1, "is_bulk_action": False,
}  # fmt: skip
NAMED = ({"pattern_id": "SEC-XSS-001"}, {"pattern_id": "SEC-SQL-002"}, {"signature_hash": HASH})


async def send(data_dir: Path) -> None:
    """Let six installations of each version report patterns and decide on four weeks' first two days.

    Of version 2, three mend what is found, two dismiss it, and one says that it is known already.
    """
    hand = HandClock("2026-11-02T12:00:00")
    async with service(data_dir, hand, **production()) as started:
        for _ in range(2):
            now = int(hand.now.timestamp())
            events = [
                make_event_v2(
                    "pattern_signature", anonymous_id=installation_id(number), timestamp=now, properties=PATTERN | name
                )
                for number in range(6)
                for name in NAMED
            ]
            events += [
                make_event_v2(
                    "user_action", anonymous_id=installation_id(number), timestamp=now, properties=DECISION | decided
                )
                for number, decided in enumerate(
                    [{"action": "fix"}] * 2
                    + [{"action": "escalate"}]
                    + [{"action": "dismiss", "reason": "false_positive"}] * 2
                    + [{"action": "dismiss", "reason": "duplicate"}]
                )
            ]
            common = {"category": "data-access", "signatureHash": HASH, "timestamp": timestamp(hand.now)}
            first = [make_event("pattern_signature", installationId=installation_id(n), **common) for n in range(6, 12)]
            action = {"action": "approve", "confidenceAtAction": 0.9, "category": "data-access"}
            first += [
                make_event("user_action", installationId=installation_id(n), timestamp=timestamp(hand.now), **action)
                for n in range(6, 12)
            ]
            await started.service.accept(encode_bare(events), wire=Wire.V2)
            await started.service.accept(encode(first))
            await started.publisher.flush()
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()


async def close(data_dir: Path) -> None:
    hand = HandClock("2026-11-30T12:00:00")
    async with service(data_dir, hand, **production()) as started:
        await started.upkeep.sealer.check()
        await started.upkeep.closer.check()


async def test_signatures_of_each_format_are_apart_and_rules_are_shown_once_admitted(data_dir: Path) -> None:
    await send(data_dir)
    listed = succeed("labels", "list", "--days", "60", "--data-dir", data_dir)
    assert "SEC-XSS-001" in listed
    await close(data_dir)

    path = data_dir / "published.db"
    assert check_published(data_dir, oracle.raw_events(data_dir)) > 0
    sql = "SELECT category, signature, installations FROM signatures ORDER BY signature"
    assert oracle.read(path, sql) == [
        ("data-access", HASH, 6), ("data-access", f"2:{HASH}", 6), ("data-access", "other", 6),
    ]  # fmt: skip
    shares = f"SELECT kind, label FROM signature_shares WHERE signature = '2:{HASH}' ORDER BY kind"
    of_both_formats = {"language", "locations", "occurrences", "outliers"}
    assert [row for row in oracle.read(path, shares) if row[0] not in of_both_formats] == [
        ("confidence_mean", "0.85"), ("confidence_stddev", "0.10"), ("files", "2-9"), ("method", "ast"),
        ("momentum", "other"), ("tier", "established"),
    ]  # fmt: skip
    assert b"SEC-XSS-001" not in path.read_bytes()
    # Nine of eleven accept; the one that does neither counts as their average, because one is too few to be told apart.
    sql = "SELECT category, step, installations, approve, fix, dismiss, judged, accepted FROM decisions"
    assert oracle.read(path, sql) == [("data-access", "0.90", 12, 6, 2, 3, 12, 9.818)]


async def test_an_admitted_rule_has_its_name_and_is_a_rule_in_the_data_set(data_dir: Path) -> None:
    await send(data_dir)
    succeed("labels", "admit", "signature", "SEC-XSS-001", "--data-dir", data_dir)
    await close(data_dir)

    sql = "SELECT signature FROM signatures WHERE signature LIKE 'SEC-%'"
    assert oracle.read(data_dir / "published.db", sql) == [("SEC-XSS-001",)]
    assert identity_of("SEC-XSS-001") == {"format": "rule", "signature": None, "rule": "SEC-XSS-001"}
    assert identity_of(f"2:{HASH}") == {"format": "hash", "signature": f"2:{HASH}", "rule": None}
