-- ?1: the day, ?2: the time. A segment without events may have no row yet.
INSERT INTO segments (day, retired_at)
VALUES (?1, ?2)
ON CONFLICT (day) DO UPDATE SET rows = NULL, sealed_at = NULL, retired_at = excluded.retired_at
