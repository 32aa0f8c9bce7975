"""What any program would read from the files of what `telemetry export` writes, in the order that is promised."""

QUERIES = {
    "signatures": "SELECT signature_hash, category, detection_method, language, first_seen, last_seen,"
    " occurrence_count, avg_confidence, avg_location_count, avg_outlier_count FROM pattern_signatures ORDER BY 1",
    "signature-counts": "SELECT signature_format, signature_hash, language, category, detection_method, first_seen,"
    " last_seen, occurrence_count, avg_confidence, avg_location_count, avg_outlier_count FROM signature_counts"
    " ORDER BY 1, 2, 3, 4, 5",
    "actions": "SELECT category, action, confidence_bucket, count, avg_hours_to_decision, updated_at, bulk_count"
    " FROM action_aggregates ORDER BY 1, 2, 3",
    "daily": "SELECT date, metric, value FROM daily_stats ORDER BY 1, 2",
    "installations": "SELECT installation_id, first_seen, last_seen FROM installations ORDER BY 1",
    "last-seen": "SELECT last_seen, installations FROM last_seen_days WHERE installations != 0 ORDER BY 1",
}
ALL = ("events", *QUERIES)
