-- When a signature was seen, and its latest labels, as the others' events tell that are still there. What was seen first
-- on a day without raw events stays so.
UPDATE main.pattern_signatures
SET
    first_seen = iif(
        substr(pattern_signatures.first_seen, 1, 10) IN (SELECT day FROM main.segments WHERE retired_at IS NULL),
        others.first_seen,
        pattern_signatures.first_seen
    ),
    last_seen = others.last_seen,
    latest_day = others.latest_day,
    latest_id = others.latest_id,
    category = others.category,
    detection_method = others.detection_method,
    language = others.language
FROM remaining.pattern_signatures AS others
WHERE
    others.signature_hash = pattern_signatures.signature_hash
    AND others.signature_hash IN (SELECT signature_hash FROM contribution.pattern_signatures)
