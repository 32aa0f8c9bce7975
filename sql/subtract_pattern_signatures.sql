UPDATE main.pattern_signatures
SET
    occurrence_count = pattern_signatures.occurrence_count - counted.occurrence_count,
    confidence_millionths = pattern_signatures.confidence_millionths - counted.confidence_millionths,
    locations = pattern_signatures.locations - counted.locations,
    outliers = pattern_signatures.outliers - counted.outliers
FROM contribution.pattern_signatures AS counted
WHERE counted.signature_hash = pattern_signatures.signature_hash
