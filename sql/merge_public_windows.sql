INSERT INTO main.windows
SELECT * FROM old.windows WHERE (period, window_start) IN (SELECT period, window_start FROM temp.kept)
UNION ALL
SELECT * FROM draft.windows WHERE (period, window_start) NOT IN (SELECT period, window_start FROM temp.kept)
ORDER BY 1, 2
