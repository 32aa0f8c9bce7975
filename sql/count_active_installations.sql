-- ?1, ?2, ?3: the first days of three periods, newest first; all end today.
SELECT
    count(*) FILTER (WHERE last_seen >= ?1),
    count(*) FILTER (WHERE last_seen >= ?2),
    count(*)
FROM installations
WHERE last_seen >= ?3
