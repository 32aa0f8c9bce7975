-- ?1: the signature, ?2 to ?5: what was moved to `signature_counts`.
UPDATE unsorted_signatures
SET
    occurrence_count = occurrence_count - ?2,
    confidence_millionths = confidence_millionths - ?3,
    locations = locations - ?4,
    outliers = outliers - ?5
WHERE signature_hash = ?1
