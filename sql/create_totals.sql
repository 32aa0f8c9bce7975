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

CREATE TABLE amounts (
    series INTEGER NOT NULL,
    parent TEXT NOT NULL,
    label TEXT NOT NULL,
    amount TEXT NOT NULL,
    value INTEGER NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (series, parent, label, amount)
) WITHOUT ROWID;
