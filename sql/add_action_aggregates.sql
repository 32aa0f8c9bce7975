-- ?1: [[category, action, confidence_bucket, count, hours, updated_at], ...]
INSERT INTO action_aggregates (category, action, confidence_bucket, count, hours, updated_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
-- Without the limit the value would be made anew for each of its columns. In order, neighbours share pages.
FROM (SELECT value FROM json_each(?1) LIMIT -1)
WHERE true
ORDER BY value ->> 0
ON CONFLICT (category, action, confidence_bucket) DO UPDATE SET
    count = action_aggregates.count + excluded.count,
    hours = hours + excluded.hours,
    updated_at = max(updated_at, excluded.updated_at)
