-- ?1: the first day a signature may have been seen last, ?2: the last, ?3: the most rows, then the key of the row before.
SELECT
    signature_hash, category, detection_method, language, first_seen, last_seen, occurrence_count,
    avg_confidence, avg_location_count, avg_outlier_count
FROM pattern_signatures
WHERE signature_hash > ?4 AND substr(last_seen, 1, 10) BETWEEN ?1 AND ?2
ORDER BY signature_hash
LIMIT ?3
