"""What older programs have counted under two spellings of a category is one category after the upgrade."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support import oracle
from tests.support.events import encode, make_event, timestamp
from tests.support.examining import examined
from tests.support.older import make_older
from tests.support.service import HandClock, service

VERSION_BEFORE = 14
SIGNATURE = "e92ab45cc886c93b"
# The program before counted two of the five events under the other spelling, and an event that was forgotten too.
OLDER = """
UPDATE daily_stats SET value = 3 WHERE metric = 'category:data-access';
INSERT INTO daily_stats VALUES ('2026-11-23', 'category:data_access', 2), ('2026-11-20', 'category:data_access', 1);
INSERT INTO removed_stats VALUES ('2026-11-20', 'category:data_access', 1);
INSERT INTO imported_stats VALUES ('2026-10-01', 'category:data_access', 4), ('2026-10-01', 'category:data-access', 5);
INSERT INTO daily_stats VALUES ('2026-10-01', 'category:data_access', 4), ('2026-10-01', 'category:data-access', 5);

INSERT INTO signature_counts (signature_format, signature_hash, language, category, detection_method, occurrence_count,
    confidence_millionths, locations, outliers, first_seen, last_seen, sent_by)
SELECT signature_format, signature_hash, language, 'data_access', detection_method, 2, 2 * 900000, 2 * 3, 2 * 1,
    first_seen, last_seen, '*' FROM signature_counts;
UPDATE signature_counts SET occurrence_count = 3, confidence_millionths = 3 * 900000, locations = 3 * 3, outliers = 3
WHERE category = 'data-access';
INSERT INTO removed_signature_counts
SELECT signature_format, signature_hash, language, category, detection_method, 1, 900000, 3, 1,
    '2026-11-20 10:00:00', '2026-11-20 10:00:00' FROM signature_counts;
UPDATE signature_counts SET
    occurrence_count = occurrence_count + 1, confidence_millionths = confidence_millionths + 900000,
    locations = locations + 3, outliers = outliers + 1, first_seen = '2026-11-20 10:00:00';

INSERT INTO action_aggregates (category, action, confidence_bucket, count, hours, updated_at, bulk_count)
SELECT 'data_access', action, confidence_bucket, 2, 2 * 2, updated_at, 0 FROM action_aggregates;
UPDATE action_aggregates SET count = 3, hours = 3 * 2 WHERE category = 'data-access';
INSERT INTO removed_action_aggregates (category, action, confidence_bucket, count, hours, updated_at, bulk_count)
SELECT category, action, confidence_bucket, 1, 2, '2026-11-20 10:00:00', 1 FROM action_aggregates;
UPDATE action_aggregates SET count = count + 1, hours = hours + 2, bulk_count = bulk_count + 1;
"""
SPELLINGS = """SELECT metric FROM daily_stats UNION SELECT metric FROM imported_stats
UNION SELECT metric FROM removed_stats
UNION SELECT category FROM signature_counts UNION SELECT category FROM removed_signature_counts
UNION SELECT category FROM action_aggregates UNION SELECT category FROM removed_action_aggregates"""


async def test_counts_of_either_spelling_are_added_up_once(data_dir: Path, tmp_path: Path) -> None:
    hand = HandClock("2026-11-23T12:00:00")
    sent = [
        make_event(kind, category=category, timestamp=timestamp(hand.now, milliseconds=-number))
        for kind in ("pattern_signature", "user_action")
        for number, category in enumerate(["data-access"] * 3 + ["data_access"] * 2)
    ]
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(sent))
    assert len(oracle.check(data_dir)) == 10
    make_older(data_dir, VERSION_BEFORE, tmp_path / "newest.db")
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        connection.executescript(OLDER)

    async with service(data_dir, hand):
        pass

    found = await examined(data_dir, hand.clock, full=True)
    assert [one.sentence for one in found.findings if one.severity == "error"] == []
    path = data_dir / "telemetry.db"
    assert not [one for (one,) in oracle.read(path, SPELLINGS) if "data_access" in one]
    daily = "SELECT date, value FROM daily_stats WHERE metric = 'category:data-access' ORDER BY date"
    assert oracle.read(path, daily) == [("2026-10-01", 9), ("2026-11-20", 1), ("2026-11-23", 5)]
    sums = "SELECT sum(occurrence_count), sum(locations), min(first_seen) FROM signature_counts"
    assert oracle.read(path, sums) == [(7, 21, "2026-11-20 10:00:00")]
    assert oracle.read(path, "SELECT count, hours, bulk_count FROM action_aggregates") == [(7, 14, 2)]
