-- Signatures in half the room: a million of them have a few hundred combinations of labels, and a moment is a number.
-- `rows` is how many rows have these labels. Labels that no row has any more are deleted.
CREATE TABLE signature_labels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    language TEXT NOT NULL,
    category TEXT NOT NULL,
    detection_method TEXT NOT NULL,
    rows INTEGER NOT NULL DEFAULT 0,
    UNIQUE (language, category, detection_method)
);

-- `first_seen` and `last_seen` are Unix seconds; a moment that cannot be read becomes the start of its day, or else 0.
CREATE TABLE counted_signatures (
    signature_format INTEGER NOT NULL,
    signature_hash TEXT NOT NULL,
    labels INTEGER NOT NULL,
    occurrence_count INTEGER NOT NULL,
    confidence_millionths INTEGER NOT NULL,
    locations INTEGER NOT NULL,
    outliers INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    sent_by TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (signature_format, signature_hash, labels)
) WITHOUT ROWID;

INSERT INTO signature_labels (language, category, detection_method, rows)
SELECT language, category, detection_method, count(*) FROM signature_counts GROUP BY 1, 2, 3;

INSERT INTO counted_signatures
SELECT
    signature_format, signature_hash, id, occurrence_count, confidence_millionths, locations, outliers,
    coalesce(unixepoch(first_seen), unixepoch(substr(first_seen, 1, 10)), 0),
    coalesce(unixepoch(last_seen), unixepoch(substr(last_seen, 1, 10)), 0),
    sent_by
FROM signature_counts
JOIN signature_labels USING (language, category, detection_method)
ORDER BY 1, 2, 3;

-- Its triggers go with it. The view `pattern_signatures` reads from the view of the same name.
DROP TABLE signature_counts;

-- The rows with their labels and with moments as text. Looking for a row by its key, SQLite begins with the number of its
-- labels: one signature may have very many.
CREATE VIEW signature_counts AS
SELECT
    signature_format,
    signature_hash,
    language,
    category,
    detection_method,
    occurrence_count,
    confidence_millionths,
    locations,
    outliers,
    CAST(datetime(first_seen, 'unixepoch') AS TEXT) AS first_seen,
    CAST(datetime(last_seen, 'unixepoch') AS TEXT) AS last_seen,
    CAST(confidence_millionths / 1e6 / occurrence_count AS REAL) AS avg_confidence,
    CAST(locations * 1.0 / occurrence_count AS REAL) AS avg_location_count,
    CAST(outliers * 1.0 / occurrence_count AS REAL) AS avg_outlier_count,
    sent_by
FROM counted_signatures
JOIN signature_labels ON id = labels;

-- Inserting adds to the row that is there.
CREATE TRIGGER add_to_signature INSTEAD OF INSERT ON signature_counts
BEGIN
    INSERT INTO signature_labels (language, category, detection_method)
    VALUES (NEW.language, NEW.category, NEW.detection_method)
    ON CONFLICT DO NOTHING;
    INSERT INTO counted_signatures
    SELECT
        NEW.signature_format, NEW.signature_hash, id, NEW.occurrence_count, NEW.confidence_millionths, NEW.locations,
        NEW.outliers,
        coalesce(unixepoch(NEW.first_seen), unixepoch(substr(NEW.first_seen, 1, 10)), 0),
        coalesce(unixepoch(NEW.last_seen), unixepoch(substr(NEW.last_seen, 1, 10)), 0),
        coalesce(NEW.sent_by, '')
    FROM signature_labels
    WHERE language = NEW.language AND category = NEW.category AND detection_method = NEW.detection_method
    ON CONFLICT (signature_format, signature_hash, labels) DO UPDATE SET
        occurrence_count = occurrence_count + excluded.occurrence_count,
        confidence_millionths = confidence_millionths + excluded.confidence_millionths,
        locations = locations + excluded.locations,
        outliers = outliers + excluded.outliers,
        first_seen = min(first_seen, excluded.first_seen),
        last_seen = max(last_seen, excluded.last_seen);
END;

-- The key of a row does not change.
CREATE TRIGGER change_signature
INSTEAD OF UPDATE OF
    occurrence_count, confidence_millionths, locations, outliers, first_seen, last_seen, sent_by
ON signature_counts
BEGIN
    UPDATE counted_signatures
    SET
        occurrence_count = NEW.occurrence_count,
        confidence_millionths = NEW.confidence_millionths,
        locations = NEW.locations,
        outliers = NEW.outliers,
        first_seen = coalesce(unixepoch(NEW.first_seen), unixepoch(substr(NEW.first_seen, 1, 10)), 0),
        last_seen = coalesce(unixepoch(NEW.last_seen), unixepoch(substr(NEW.last_seen, 1, 10)), 0),
        sent_by = NEW.sent_by
    WHERE
        signature_format = OLD.signature_format
        AND signature_hash = OLD.signature_hash
        AND labels = (
            SELECT id FROM signature_labels
            WHERE language = OLD.language AND category = OLD.category AND detection_method = OLD.detection_method
        );
END;

CREATE TRIGGER delete_signature INSTEAD OF DELETE ON signature_counts
BEGIN
    DELETE FROM counted_signatures
    WHERE
        signature_format = OLD.signature_format
        AND signature_hash = OLD.signature_hash
        AND labels = (
            SELECT id FROM signature_labels
            WHERE language = OLD.language AND category = OLD.category AND detection_method = OLD.detection_method
        );
END;

-- One statement of a flush updates rows and inserts new ones: only triggers can tell which were new.
CREATE TRIGGER signature_is_new AFTER INSERT ON counted_signatures
BEGIN
    UPDATE signature_labels SET rows = rows + 1 WHERE id = NEW.labels;
    INSERT INTO signature_counts_days (day, new_rows)
    VALUES (date(NEW.first_seen, 'unixepoch'), 1)
    ON CONFLICT (day) DO UPDATE SET new_rows = new_rows + 1;
END;

CREATE TRIGGER signature_is_gone AFTER DELETE ON counted_signatures
BEGIN
    UPDATE signature_labels SET rows = rows - 1 WHERE id = OLD.labels;
    DELETE FROM signature_labels WHERE id = OLD.labels AND rows <= 0;
    UPDATE signature_counts_days
    SET new_rows = max(0, new_rows - 1)
    WHERE day = date(OLD.first_seen, 'unixepoch');
END;
