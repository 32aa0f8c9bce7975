-- ?1: the first day of the period, ?2: the last, ?3: labels of a prefix that are named; `folded` are the others.
WITH sums AS (
    SELECT metric, sum(value) AS total, substr(metric, 1, instr(metric, ':')) AS prefix
    FROM daily_stats
    WHERE date BETWEEN ?1 AND ?2
    GROUP BY metric
),
ranked AS (
    SELECT
        metric,
        total,
        prefix,
        prefix <> '' AND metric <> prefix || 'other' AND row_number() OVER (
            PARTITION BY prefix, metric = prefix || 'other' ORDER BY total DESC, metric
        ) > ?3 AS is_folded
    FROM sums
)
SELECT iif(is_folded, prefix || 'other', metric) AS shown, sum(total) AS total, sum(is_folded) AS folded
FROM ranked
GROUP BY shown
ORDER BY total DESC, shown
