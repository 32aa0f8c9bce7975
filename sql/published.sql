-- Public numbers, and nothing that may not be public. Comments inside a statement are in the file too, for its readers.
PRAGMA application_id = 1148352099;
PRAGMA user_version = 1;

CREATE TABLE about (
    -- What this file is: `promise`, and `format`.
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE series (
    -- The series. Each is a table of the same name with a row for each combination of labels in a window. A row
    -- counts at least `threshold` installations over the whole window of UTC days. The label `other` is what too few
    -- installations, or labels that are not shown, have in common. Where an installation can be under several labels,
    -- `installations` of `other` is a lower bound.
    name TEXT PRIMARY KEY,
    period TEXT NOT NULL, -- day, week (from Monday) or four_weeks
    meaning TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE windows (
    -- Windows that have been closed. One without rows in a series had too few installations there.
    period TEXT NOT NULL,
    window_start TEXT NOT NULL, -- its first day
    last_day TEXT NOT NULL,
    threshold INTEGER NOT NULL, -- what every number counts at least
    generation INTEGER NOT NULL, -- 1; more after an installation was excluded or days were deleted
    PRIMARY KEY (period, window_start)
) WITHOUT ROWID;

CREATE TABLE events (
    -- Events by known type; at most 1,000 of an installation and day.
    window_start TEXT NOT NULL,
    type TEXT NOT NULL,
    installations INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (window_start, type)
) WITHOUT ROWID;

CREATE TABLE versions (
    -- The newest version that each installation reported on a day.
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL, -- regular, development (builds from source), ci or agent
    version TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, version)
) WITHOUT ROWID;

CREATE TABLE activity_daily (
    -- Installations that were active on a day; `seen` is new (first seen in this window) or returning.
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL,
    seen TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, seen)
) WITHOUT ROWID;

CREATE TABLE activity_weekly (
    -- Installations that were active in a week; `seen` is new (first seen in this window) or returning.
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL,
    seen TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, seen)
) WITHOUT ROWID;

CREATE TABLE activity_four_weekly (
    -- Installations that were active in four weeks; `seen` is new (first seen in this window) or returning.
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL,
    seen TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, seen)
) WITHOUT ROWID;

CREATE TABLE durations (
    -- Durations; at most 20 of an installation, day and `what`: scan, incremental_scan, parse:<language>,
    -- native:<function>, bridge:<function>, rust:scan, rust:analysis.
    window_start TEXT NOT NULL,
    what TEXT NOT NULL,
    version TEXT NOT NULL,
    installations INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (window_start, what, version)
) WITHOUT ROWID;

CREATE TABLE duration_buckets (
    -- The distribution of `durations`: bucket b holds those from 0.001 * 1.1^(b-1) to 0.001 * 1.1^b milliseconds. A
    -- bucket of too few installations is added to the next one towards the middle.
    window_start TEXT NOT NULL,
    what TEXT NOT NULL,
    version TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (window_start, what, version, bucket)
) WITHOUT ROWID;

CREATE TABLE automated_durations (
    -- Durations of pipelines and agents, which `durations` leaves out.
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL, -- ci or agent
    what TEXT NOT NULL,
    version TEXT NOT NULL,
    installations INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, what, version)
) WITHOUT ROWID;

CREATE TABLE automated_duration_buckets (
    -- The distribution of `automated_durations`, in the same buckets.
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL,
    what TEXT NOT NULL,
    version TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, what, version, bucket)
) WITHOUT ROWID;

CREATE TABLE patterns (
    -- In which languages patterns of which category were found.
    window_start TEXT NOT NULL,
    language TEXT NOT NULL,
    category TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, language, category)
) WITHOUT ROWID;

CREATE TABLE automated_patterns (
    -- Patterns of pipelines and agents, which `patterns` leaves out.
    window_start TEXT NOT NULL,
    cohort TEXT NOT NULL, -- ci or agent
    language TEXT NOT NULL,
    category TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, cohort, language, category)
) WITHOUT ROWID;

CREATE TABLE signatures (
    -- Pattern signatures. `confidence` is the sum of each installation's average, from 0 to 1: divide it by
    -- `installations`. It is NULL for `other`.
    window_start TEXT NOT NULL,
    category TEXT NOT NULL,
    signature TEXT NOT NULL,
    installations INTEGER NOT NULL,
    confidence REAL,
    PRIMARY KEY (window_start, category, signature)
) WITHOUT ROWID;

CREATE TABLE signature_shares (
    -- How a signature's occurrences are shared out. `share` is the sum of each installation's share of `label`, from
    -- 0 to 1: divide it by the `installations` of the signature. `kind` is language, method, or a band of how many
    -- occurrences an installation has, and how many locations and outliers an occurrence has. Format 2 also has bands
    -- of files, steps of confidence_mean and of confidence_stddev (each named by its least value), tier and momentum.
    window_start TEXT NOT NULL,
    category TEXT NOT NULL,
    signature TEXT NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    share REAL NOT NULL,
    PRIMARY KEY (window_start, category, signature, kind, label)
) WITHOUT ROWID;

CREATE TABLE decisions (
    -- Decisions by category and step of confidence, which is named by its least value. The row `other` has no
    -- amounts: all are NULL. Each action has the sum of its share of each installation's decisions, from 0 to 1:
    -- divide it by `installations`. `approve_squares` is the sum of the squares of the shares of `approve`. `judged`
    -- is how many installations accepted or rejected something. `accepted` is the sum of the share of these decisions
    -- that accept (approve, fix, escalate), and `accepted_squares` that of its squares: approval is accepted /
    -- judged. All three are 0 where too few judged. They are NULL in windows that were closed before they existed:
    -- there, approval is approve / installations.
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

CREATE TABLE automated_decisions (
    -- Decisions of pipelines and agents, which the other tables of decisions leave out; amounts as in `decisions`.
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
    -- Decisions by version; amounts as in `decisions`.
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
    -- Decisions by how they are taken; amounts as in `decisions`.
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

CREATE TABLE size_tiers (
    -- Sizes of code bases, by the latest report of each installation.
    window_start TEXT NOT NULL,
    tier TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, tier)
) WITHOUT ROWID;

CREATE TABLE frameworks (
    -- Frameworks of code bases, by the latest report of each installation.
    window_start TEXT NOT NULL,
    framework TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, framework)
) WITHOUT ROWID;

CREATE TABLE features (
    -- Features that are turned on, by the latest report of each installation.
    window_start TEXT NOT NULL,
    feature TEXT NOT NULL,
    installations INTEGER NOT NULL,
    PRIMARY KEY (window_start, feature)
) WITHOUT ROWID;
