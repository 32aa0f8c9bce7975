-- The row of values is repeated; those beyond the last are null.
INSERT INTO action_aggregates (category, action, confidence_bucket, count, hours, updated_at)
SELECT *
FROM (VALUES (?, ?, ?, ?, ?, ?))
WHERE column1 IS NOT NULL
ON CONFLICT (category, action, confidence_bucket) DO UPDATE SET
    count = action_aggregates.count + excluded.count,
    hours = hours + excluded.hours,
    updated_at = max(updated_at, excluded.updated_at)
