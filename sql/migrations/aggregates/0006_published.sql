-- Windows whose public numbers were made, or are being made. `segments`: the last event of each day that counts, as JSON.
-- `state`: closing (again after a crash or an exclusion, with the same events), published, adopted (found in
-- `published.db` alone), gap (never published), uncorrectable (published, and raw events to correct it by are gone).
CREATE TABLE published_windows (
    period TEXT NOT NULL,
    window_start TEXT NOT NULL,
    last_day TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('closing', 'published', 'adopted', 'gap', 'uncorrectable')),
    segments TEXT NOT NULL DEFAULT '{}',
    generation INTEGER NOT NULL DEFAULT 1,
    digest TEXT,
    ledger TEXT,
    PRIMARY KEY (period, window_start)
) WITHOUT ROWID;

-- Windows that ended before this day and are not recorded may have been published by what a restore replaced: they are
-- gaps, for a second publication would tell what the two differ by.
ALTER TABLE state ADD COLUMN published_before TEXT;
