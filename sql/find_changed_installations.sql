-- ?1: the day, ?2: ids seen on it as a JSON array. Leaves out whoever the day, as it is stored, knows already.
INSERT INTO changed_installations (installation_id, first_seen, is_unseen)
SELECT
    seen.value,
    known.first_seen,
    known.installation_id IS NULL
        OR ?1 > known.last_seen
        OR NOT ((known.days_seen >> min(julianday(known.last_seen) - julianday(?1), 61)) & 1) AS is_unseen
-- Neighbours share pages: in order, looking them up costs a fifth. Without the limit the order would not be kept.
FROM (SELECT value FROM json_each(?2) ORDER BY value LIMIT -1) AS seen
LEFT JOIN installations AS known ON known.installation_id = seen.value
WHERE is_unseen OR ?1 < known.first_seen
