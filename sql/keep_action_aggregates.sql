-- After the recount, where some days are of the past or some events were forgotten: their decisions are gone, so the
-- numbers are kept, unless the raw events alone add up to more.
INSERT INTO main.action_aggregates (category, action, confidence_bucket, count, hours, updated_at)
SELECT category, action, confidence_bucket, count, hours, updated_at
FROM current.action_aggregates
WHERE EXISTS (SELECT 1 FROM past_days) OR EXISTS (SELECT 1 FROM current.removed_stats)
ON CONFLICT (category, action, confidence_bucket) DO UPDATE SET
    hours = iif(excluded.count >= action_aggregates.count, excluded.hours, hours),
    count = max(action_aggregates.count, excluded.count),
    updated_at = max(updated_at, excluded.updated_at)
