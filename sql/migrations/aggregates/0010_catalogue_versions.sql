-- Which version of the catalogue counted the events of a day that come after an id. A day without a row was counted by
-- version 1.
CREATE TABLE catalogue_versions (
    day TEXT NOT NULL,
    after_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (day, after_id)
) WITHOUT ROWID;
