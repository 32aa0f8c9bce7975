-- How many rows of `signature_counts` were new on a day, and whether some of its events were folded into the row `other`
-- because there were more, or because rows were pruned: a `closed` day and those before it admit no more. A day without a
-- row was never closed; it leaves with its raw events.
CREATE TABLE signature_counts_days (
    day TEXT PRIMARY KEY,
    new_rows INTEGER NOT NULL DEFAULT 0,
    closed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- One statement of a flush updates rows and inserts new ones: only triggers can tell which were new.
CREATE TRIGGER signature_is_new AFTER INSERT ON signature_counts
BEGIN
    INSERT INTO signature_counts_days (day, new_rows)
    VALUES (substr(NEW.first_seen, 1, 10), 1)
    ON CONFLICT (day) DO UPDATE SET new_rows = new_rows + 1;
END;

CREATE TRIGGER signature_is_gone AFTER DELETE ON signature_counts
BEGIN
    UPDATE signature_counts_days
    SET new_rows = max(0, new_rows - 1)
    WHERE day = substr(OLD.first_seen, 1, 10);
END;
