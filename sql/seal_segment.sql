-- ?1: the day, ?2: its watermark, ?3: its rows, ?4: the time. A segment without events has no row yet.
INSERT INTO segments (day, watermark, rows, sealed_at)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (day) DO UPDATE SET rows = excluded.rows, sealed_at = excluded.sealed_at
