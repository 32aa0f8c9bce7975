DELETE FROM main.pattern_signatures
WHERE
    occurrence_count <= 0
    AND signature_hash IN (SELECT signature_hash FROM contribution.pattern_signatures)
