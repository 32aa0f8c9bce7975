-- Runs after sql/find_changed_installations.sql. ?1: the day.
INSERT INTO installations (installation_id, first_seen, last_seen, days_seen)
SELECT installation_id, ?1, ?1, 1
FROM changed_installations
WHERE true
ON CONFLICT (installation_id) DO UPDATE SET
    first_seen = min(first_seen, ?1),
    last_seen = max(last_seen, ?1),
    days_seen = CASE
        WHEN ?1 > last_seen THEN ((days_seen << (julianday(?1) - julianday(last_seen))) | 1) & 0x3FFFFFFFFFFFFFFF
        ELSE days_seen | (1 << min(julianday(last_seen) - julianday(?1), 61))
    END
