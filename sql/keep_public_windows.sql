-- ?1: how many installations a number counts at least. Published windows that stay what they are.
CREATE TEMP TABLE kept AS
SELECT period, window_start
FROM old.windows AS was
WHERE
    threshold >= ?1
    AND NOT EXISTS (
        SELECT 1
        FROM draft.windows AS made
        WHERE
            made.period = was.period AND made.window_start = was.window_start AND made.generation > was.generation
    )
