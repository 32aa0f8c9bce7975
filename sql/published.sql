-- Public numbers, and nothing that may not be public. Every row counts at least `threshold` installations over a whole
-- window of UTC days; `other` is what too few installations, or labels that are not shown, have in common. Counts of
-- installations in `other` are lower bounds. Shares and averages are sums of one voice of each installation, from 0 to 1:
-- divide by `installations`.
PRAGMA application_id = 1148352099;
PRAGMA user_version = 1;

-- What this file is: `promise`, and `format`.
CREATE TABLE about (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The series: each is a table of the same name with a row for each leaf of a window.
CREATE TABLE series (
    name TEXT PRIMARY KEY,
    period TEXT NOT NULL, -- day, week (from Monday) or four_weeks
    meaning TEXT NOT NULL
) WITHOUT ROWID;

-- Windows that have been closed. One without rows in a series had too few installations there.
CREATE TABLE windows (
    period TEXT NOT NULL,
    window_start TEXT NOT NULL, -- its first day
    last_day TEXT NOT NULL,
    threshold INTEGER NOT NULL, -- what every number counts at least
    generation INTEGER NOT NULL, -- 1; more after a vandal was excluded
    PRIMARY KEY (period, window_start)
) WITHOUT ROWID;

-- Events by known type; at most 1,000 of an installation and day.
CREATE TABLE events (
    window_start TEXT NOT NULL,
    type TEXT NOT NULL,
    installations INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (window_start, type)
) WITHOUT ROWID;

-- The newest version that each installation reported on a day.
CREATE TABLE versions (
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL, -- regular, development (builds from source), ci or agent
    version TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, version)
) WITHOUT ROWID;

-- Installations that were active; `seen` is new (first seen in this window) or returning.
CREATE TABLE activity_daily (
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL,
    seen TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, seen)
) WITHOUT ROWID;

CREATE TABLE activity_weekly (
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL,
    seen TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, seen)
) WITHOUT ROWID;

CREATE TABLE activity_four_weekly (
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL,
    seen TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, seen)
) WITHOUT ROWID;

-- Durations; at most 20 of an installation, day and `what`: scan, incremental_scan, parse:<language>, native:<function>,
-- bridge:<function>, rust:scan, rust:analysis.
CREATE TABLE durations (
    window_start TEXT NOT NULL,
    what TEXT NOT NULL,
    version TEXT NOT NULL,
    installations INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (window_start, what, version)
) WITHOUT ROWID;

-- Their distribution: bucket b holds durations from 0.001 * 1.1^(b-1) to 0.001 * 1.1^b milliseconds. A bucket of too few
-- installations is added to the next one towards the middle.
CREATE TABLE duration_buckets (
    window_start TEXT NOT NULL,
    what TEXT NOT NULL,
    version TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (window_start, what, version, bucket)
) WITHOUT ROWID;

-- The same of pipelines and agents, which `durations` leaves out.
CREATE TABLE automated_durations (
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL, -- ci or agent
    what TEXT NOT NULL,
    version TEXT NOT NULL,
    installations INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, what, version)
) WITHOUT ROWID;

CREATE TABLE automated_duration_buckets (
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL,
    what TEXT NOT NULL,
    version TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, what, version, bucket)
) WITHOUT ROWID;

-- In which languages patterns of which category were found.
CREATE TABLE patterns (
    window_start TEXT NOT NULL,
    language TEXT NOT NULL,
    category TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, language, category)
) WITHOUT ROWID;

-- The same of pipelines and agents, which `patterns` leaves out.
CREATE TABLE automated_patterns (
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL, -- ci or agent
    language TEXT NOT NULL,
    category TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, language, category)
) WITHOUT ROWID;

-- Pattern signatures; `confidence` is the sum of each installation's average, NULL for `other`.
CREATE TABLE signatures (
    window_start TEXT NOT NULL,
    category TEXT NOT NULL,
    signature TEXT NOT NULL,
    installations INTEGER NOT NULL,
    confidence REAL,
    PRIMARY KEY (window_start, category, signature)
) WITHOUT ROWID;

-- How a signature's occurrences are shared out: `kind` is language, method, or a band of how many occurrences an
-- installation has, and how many locations and outliers an occurrence has. Format 2 also has bands of files, steps of
-- confidence_mean and of confidence_stddev (each by its least), tier and momentum.
CREATE TABLE signature_shares (
    window_start TEXT NOT NULL,
    category TEXT NOT NULL,
    signature TEXT NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    share REAL NOT NULL,
    PRIMARY KEY (window_start, category, signature, kind, label)
) WITHOUT ROWID;

-- Decisions: sums of each action's share of an installation's decisions; `step` is the least confidence of a step, and
-- `approve_squares` the sum of the squares of the shares of `approve`. NULL for `other`.
-- `judged` is how many installations accepted or rejected something, `accepted` the sum of the share of these decisions
-- that accept (approve, fix, escalate), `accepted_squares` the sum of its squares: approval is accepted / judged. All are 0
-- where too few judged, and NULL in windows that were closed before they existed: there, approval is
-- approve / installations.
CREATE TABLE decisions (
    window_start TEXT NOT NULL,
    category TEXT NOT NULL,
    step TEXT NOT NULL,
    installations INTEGER NOT NULL,
    approve REAL, ignore REAL, create_variant REAL, dismiss_outlier REAL,
    fix REAL, dismiss REAL, suppress REAL, escalate REAL,
    other_actions REAL,
    approve_squares REAL,
    judged REAL, accepted REAL, accepted_squares REAL,
    PRIMARY KEY (window_start, category, step)
) WITHOUT ROWID;

-- The same of pipelines and agents, which the tables of decisions leave out.
CREATE TABLE automated_decisions (
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL, -- ci or agent
    category TEXT NOT NULL,
    step TEXT NOT NULL,
    installations INTEGER NOT NULL,
    approve REAL, ignore REAL, create_variant REAL, dismiss_outlier REAL,
    fix REAL, dismiss REAL, suppress REAL, escalate REAL,
    other_actions REAL,
    approve_squares REAL,
    judged REAL, accepted REAL, accepted_squares REAL,
    PRIMARY KEY (window_start, cohort, category, step)
) WITHOUT ROWID;

CREATE TABLE decisions_by_version (
    window_start TEXT NOT NULL,
    version TEXT NOT NULL,
    installations INTEGER NOT NULL,
    approve REAL, ignore REAL, create_variant REAL, dismiss_outlier REAL,
    fix REAL, dismiss REAL, suppress REAL, escalate REAL,
    other_actions REAL,
    approve_squares REAL,
    judged REAL, accepted REAL, accepted_squares REAL,
    PRIMARY KEY (window_start, version)
) WITHOUT ROWID;

CREATE TABLE decisions_by_bulk (
    window_start TEXT NOT NULL,
    how TEXT NOT NULL, -- bulk or single
    installations INTEGER NOT NULL,
    approve REAL, ignore REAL, create_variant REAL, dismiss_outlier REAL,
    fix REAL, dismiss REAL, suppress REAL, escalate REAL,
    other_actions REAL,
    approve_squares REAL,
    judged REAL, accepted REAL, accepted_squares REAL,
    PRIMARY KEY (window_start, how)
) WITHOUT ROWID;

-- Code bases, by the latest report of each installation.
CREATE TABLE size_tiers (
    window_start TEXT NOT NULL,
    tier TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, tier)
) WITHOUT ROWID;

CREATE TABLE frameworks (
    window_start TEXT NOT NULL,
    framework TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, framework)
) WITHOUT ROWID;

CREATE TABLE features (
    window_start TEXT NOT NULL,
    feature TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, feature)
) WITHOUT ROWID;
