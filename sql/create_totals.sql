-- What closing works out, thrown away afterwards: no ids, but the labels of few installations.
CREATE TABLE nodes (
    series INTEGER NOT NULL,
    parent TEXT NOT NULL,
    label TEXT NOT NULL,
    installations INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    members BLOB NOT NULL,
    PRIMARY KEY (series, parent, label)
) WITHOUT ROWID;

-- `sums` are those of one flush, by name. Rows are appended, and an index is made when all are there: a table in the
-- order of its keys would be written again by each flush.
CREATE TABLE amounts (
    series INTEGER NOT NULL,
    parent TEXT NOT NULL,
    label TEXT NOT NULL,
    sums BLOB NOT NULL
);
