-- The part of `daily_stats` that was taken over from another program, which kept no raw events of these days.
-- Every recount of raw events adds it.
CREATE TABLE imported_stats (
    date TEXT NOT NULL,
    metric TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (date, metric)
) WITHOUT ROWID;
