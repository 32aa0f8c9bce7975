-- ?1: the day, ?2: ids seen on it as a JSON array. Rows that say so already are not written.
INSERT INTO installations (installation_id, first_seen, last_seen, days_seen)
SELECT value, ?1, ?1, 1
FROM json_each(?2)
WHERE true
ON CONFLICT (installation_id) DO UPDATE SET
    first_seen = min(first_seen, ?1),
    last_seen = max(last_seen, ?1),
    days_seen = CASE
        WHEN ?1 > last_seen THEN ((days_seen << (julianday(?1) - julianday(last_seen))) | 1) & 0x3FFFFFFFFFFFFFFF
        ELSE days_seen | (1 << min(julianday(last_seen) - julianday(?1), 61))
    END
WHERE
    ?1 > last_seen
    OR ?1 < first_seen
    OR NOT ((days_seen >> min(julianday(last_seen) - julianday(?1), 61)) & 1)
