-- ?1, ?2, ?3: the first days of three periods, newest first; all end today, ?4.
SELECT past.newest + ahead.newest, past.middle + ahead.middle, past.oldest + ahead.oldest
FROM (
    SELECT
        count(*) FILTER (WHERE last_seen >= ?1) AS newest,
        count(*) FILTER (WHERE last_seen >= ?2) AS middle,
        count(*) AS oldest
    FROM installations
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
        FROM installations
        WHERE last_seen > ?4
    )
) AS ahead
