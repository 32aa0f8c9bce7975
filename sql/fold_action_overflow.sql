-- After the recount: decisions that were counted as `other` before their pair of category and action got a row of its own
-- stay there. It got one when an exclusion had made room.
WITH folded AS (
    SELECT
        recounted.category,
        recounted.action,
        recounted.confidence_bucket,
        recounted.count - own.count AS count,
        recounted.hours - own.hours AS hours,
        overflow.updated_at
    FROM main.action_aggregates AS recounted
    JOIN current.action_aggregates AS own
        ON (own.category, own.action, own.confidence_bucket)
        = (recounted.category, recounted.action, recounted.confidence_bucket)
    JOIN current.action_aggregates AS overflow
        ON (overflow.category, overflow.action, overflow.confidence_bucket)
        = ('other', 'other', recounted.confidence_bucket)
    LEFT JOIN main.action_aggregates AS recounted_overflow
        ON (recounted_overflow.category, recounted_overflow.action, recounted_overflow.confidence_bucket)
        = ('other', 'other', recounted.confidence_bucket)
    WHERE
        (recounted.category, recounted.action) != ('other', 'other')
        AND recounted.count > own.count
        AND overflow.count > coalesce(recounted_overflow.count, 0)
)
INSERT INTO main.action_aggregates (category, action, confidence_bucket, count, hours, updated_at)
SELECT 'other', 'other', confidence_bucket, sum(count), sum(hours), max(updated_at) FROM folded GROUP BY confidence_bucket
UNION ALL
SELECT category, action, confidence_bucket, -count, -hours, '' FROM folded WHERE true
ON CONFLICT (category, action, confidence_bucket) DO UPDATE SET
    count = action_aggregates.count + excluded.count,
    hours = action_aggregates.hours + excluded.hours,
    updated_at = max(action_aggregates.updated_at, excluded.updated_at)
