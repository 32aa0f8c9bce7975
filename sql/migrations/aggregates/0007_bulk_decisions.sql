-- How many of the decisions were made for many patterns at once. Rows that were counted before begin with none.
ALTER TABLE action_aggregates ADD COLUMN bulk_count INTEGER NOT NULL DEFAULT 0;

-- The days whose raw events tell how many; `counted` is the id of the last event that has been looked at.
CREATE TABLE days_before_bulk (
    day TEXT PRIMARY KEY,
    counted INTEGER NOT NULL DEFAULT 0,
    watermark INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO days_before_bulk (day, watermark)
SELECT day, watermark
FROM segments
WHERE watermark > 0 AND retired_at IS NULL AND EXISTS (SELECT 1 FROM action_aggregates);
