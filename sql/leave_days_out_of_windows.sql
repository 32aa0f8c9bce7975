-- ?1 and ?2: the first and the last day. The next publication makes windows that hold these days again, without them.
UPDATE published_windows
SET
    state = 'closing',
    generation = generation + (state = 'published'),
    segments = (
        SELECT json_group_object(key, value)
        FROM json_each(published_windows.segments)
        WHERE key NOT BETWEEN ?1 AND ?2
    )
WHERE state IN ('published', 'closing') AND EXISTS (
    SELECT 1
    FROM json_each(published_windows.segments)
    WHERE key BETWEEN ?1 AND ?2
)
