-- ?1, ?2, ?3: the first days of three periods, newest first; all end today, ?4.
SELECT past.newest + ahead.newest, past.middle + ahead.middle, past.oldest + ahead.oldest
FROM (
    SELECT
        coalesce(sum(installations) FILTER (WHERE last_seen >= ?1), 0) AS newest,
        coalesce(sum(installations) FILTER (WHERE last_seen >= ?2), 0) AS middle,
        coalesce(sum(installations), 0) AS oldest
    FROM last_seen_days
    WHERE last_seen BETWEEN ?3 AND ?4
) AS past
-- Last seen on a day to come, because the clock was ahead: the bits of `days_seen` from today's on tell of the periods.
-- The last bit stands for today too when today is that far behind.
CROSS JOIN (
    SELECT
        count(*) FILTER (WHERE until_today & ((1 << (julianday(?4) - julianday(?1) + 1)) - 1)) AS newest,
        count(*) FILTER (WHERE until_today & ((1 << (julianday(?4) - julianday(?2) + 1)) - 1)) AS middle,
        count(*) FILTER (WHERE until_today & ((1 << (julianday(?4) - julianday(?3) + 1)) - 1)) AS oldest
    FROM (
        SELECT days_seen >> min(julianday(last_seen) - julianday(?4), 61) AS until_today
        -- Scan `installations` only if some were last seen on a day to come.
        FROM (SELECT 1 FROM last_seen_days WHERE last_seen > ?4 AND installations > 0 LIMIT 1)
        CROSS JOIN installations
        WHERE last_seen > ?4
    )
) AS ahead
