-- How many installations were last seen on each day. Triggers keep it up to date, whatever changes `installations`.
CREATE TABLE last_seen_days (
    last_seen TEXT PRIMARY KEY,
    installations INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO last_seen_days (last_seen, installations)
SELECT last_seen, count(*)
FROM installations
GROUP BY last_seen;

CREATE TRIGGER count_installation AFTER INSERT ON installations
BEGIN
    INSERT INTO last_seen_days (last_seen, installations) VALUES (NEW.last_seen, 1)
    ON CONFLICT (last_seen) DO UPDATE SET installations = installations + 1;
END;

CREATE TRIGGER move_installation AFTER UPDATE OF last_seen ON installations WHEN NEW.last_seen != OLD.last_seen
BEGIN
    UPDATE last_seen_days SET installations = installations - 1 WHERE last_seen = OLD.last_seen;
    INSERT INTO last_seen_days (last_seen, installations) VALUES (NEW.last_seen, 1)
    ON CONFLICT (last_seen) DO UPDATE SET installations = installations + 1;
END;

CREATE TRIGGER discount_installation AFTER DELETE ON installations
BEGIN
    UPDATE last_seen_days SET installations = installations - 1 WHERE last_seen = OLD.last_seen;
END;

-- In this index, a flush moved every installation of the day from one page to another.
DROP INDEX installations_by_last_seen;
