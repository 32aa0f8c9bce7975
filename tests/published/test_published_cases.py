"""Labels that name a host, a file or a person, and what else no page may show on the word of strangers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.events import encode, installation_id, make_event, timestamp
from tests.support.publishing import production
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

FIRST = "2026-11-02T12:00:00"
SENT: list[tuple[str, dict[str, Any]]] = [
    ("scan_completion", {"driftVersion": "1+192.168.0.17"}),
    ("scan_completion", {"driftVersion": "0.9.1+john.corp.example.com"}),
    ("scan_completion", {"driftVersion": "0.9.1-johns-macbook.local"}),
    ("scan_completion", {"driftVersion": "0.9.1-acme"}),
    ("pattern_signature", {"category": "acme.com"}),
    ("pattern_signature", {"category": "main.py"}),
    ("pattern_signature", {"category": "john-doe"}),
    ("pattern_signature", {"category": "very-rude-word"}),
    ("pattern_signature", {"category": "4111-1111-1111-1111"}),
    ("pattern_signature", {"category": "Auth_of_acme"}),
    ("pattern_signature", {"language": "acme.com"}),
    ("pattern_signature", {"language": "intranet.local"}),
    ("pattern_signature", {"language": "secrets.env"}),
    ("pattern_signature", {"language": "klingon"}),
    ("pattern_signature", {"detectionMethod": "by_john"}),
    ("user_action", {"action": "call_john", "category": "johns"}),
    ("aggregate_stats", {"frameworks": ["acme-internal"], "featuresEnabled": ["acme"], "codebaseSizeTier": "johns"}),
    ("acme_login", {}),
]
SHOWN = {"pattern_signature", "user_action", "aggregate_stats", "scan_completion"}


@pytest.mark.parametrize("senders", [1, 7])
async def test_what_names_a_host_a_file_or_a_person_is_nowhere_in_public(data_dir: Path, senders: int) -> None:
    hand = HandClock(FIRST)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(8):
            for number in range(senders):
                fields = {"installationId": installation_id(number), "timestamp": timestamp(hand.now, milliseconds=-1)}
                await started.service.accept(encode([make_event(kind, **fields, **own) for kind, own in SENT]))
            await started.publisher.flush()
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
        hand.pass_time(21 * DAY_S)
        await started.upkeep.closer.check()
        await started.publisher.flush()
        document = started.publisher.stats.body
        published = (data_dir / "published.db").read_bytes()

    assert (json.loads(document)["activeInstallations"]["30"] == senders) == (senders >= 5)
    for kind, changes in SENT:
        labels = [kind, *(one for value in changes.values() for one in (value if isinstance(value, list) else [value]))]
        for label in labels:
            assert label in SHOWN or label.encode() not in document, label
            assert label in SHOWN or label.encode() not in published, label
