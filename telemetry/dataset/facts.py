"""Sentences about the data set that both its card and ``croissant.json`` have."""

DATASET_NAME = "drift-pattern-signatures"
TITLE = "Drift pattern signatures"
DESCRIPTION = (
    "Signatures of patterns that Drift finds in code bases: how sure the tool is, where and how often it finds them, "
    "and how often people approve what it finds in the same category at the same confidence. Each row is a signature "
    "in a category; every number is about whole windows of four weeks and at least {threshold}."
)
COLLECTION = (
    "Installations of Drift that have telemetry turned on send an event for each pattern that a scan finds and, if "
    "this is turned on too, for each decision about a pattern. Events hold numbers and short labels: no code, no "
    "paths, no names. The service keeps raw events for a limited time and makes public numbers from them once a "
    "window of four weeks is over. This data set is made from these public numbers alone."
)
PROCESSING = (
    "Extensions of files are mapped to languages, names of methods and categories to those of a fixed list; labels "
    "that are neither known nor admitted by the operator are `other`.",
    "An installation has one voice for each signature and window: its own average first, then the average over "
    "installations. An installation that sends a thousand events weighs as much as one that sends two.",
    "An event counts if its installation was seen on an earlier day too. Keys of fewer than {threshold} are folded "
    "into `other`, and `other` has no row here.",
    "Approval is the share of decisions that accept what was found (approve, fix, escalate), of those that accept or "
    "reject it; a dismissal because of wont_fix or duplicate does neither. In windows from before there were such "
    "amounts it is the share of approve in all decisions.",
    "Windows are put together by voices: a row is an average over all windows that have it.",
    "Shares and averages are rounded to three decimals in each window and to four in the end; installations are in "
    "bands.",
)
WHO_IS_IN = (
    "Projects whose team has turned telemetry on and has used Drift on two days or more. Users who have turned "
    "decisions on as well are the ones behind the approval."
)
WHO_IS_NOT = (
    "projects without telemetry, which is off until it is turned on;",
    "installations that were seen on one day only, such as build pipelines with a new id for each run;",
    "builds of the tool from source;",
    "pipelines and agents whose client says so, but for windows from before they were set aside;",
    "clients that send `DNT: 1` or `Sec-GPC: 1`;",
    "installations that the operator has excluded;",
    "signatures that fewer than {threshold} reported in a window.",
)
BIASES = (
    "A project is counted as an installation: the id is in the project's configuration and is often committed. A team "
    "of fifty has one voice, and so have all copies of a repository together.",
    "Those who turn telemetry on chose to do so, and may differ from those who did not.",
    "Rare signatures, languages and categories are withheld, so what is common looks more common than it is.",
    "People judge only what they are shown, and decisions are off by default: approval is about the patterns that some "
    "users looked at, not about all that were found.",
    "Approval belongs to a category and a step of confidence, not to the single signature: rows of one category at one "
    "step have the same.",
    "An installation that stays for several windows has a voice in each of them.",
    "Language follows from the extension of a file.",
    "Confidence is what the tool said, and its versions may say it differently.",
)
LIMITATIONS = (
    "A signature of the format `hash` names a detector, not a pattern: the tool hashes the name and the id of the "
    "detector. Detectors are public, so the hash is no secret.",
    "The first version of the tool reports no outliers: 0 may mean that nobody counted.",
    "Telemetry is anonymous and is not authenticated. The threshold and the one voice bound what one sender can do, "
    "but ids cost nothing.",
    "Where a language, a method or a band has too few installations in a window, its share is under `other` there.",
    "A label that is hidden later is missing in later exports, also of earlier windows.",
)
USES = (
    "calibrating the tool's confidence by category, and choosing thresholds from which it may act by itself;",
    "priors for ranking detectors by how many projects meet them and how their categories are judged;",
    "studying how detectors, languages and methods of detection go together.",
)
NOT_FOR = (
    "finding out who uses the tool, or what is in a project;",
    "judging the people or the quality of a project, a language or a framework;",
    "claims about all software: see who is in it.",
)
PERSONAL = (
    "None. There are no addresses, names, ids of installations, paths or code, and no row is about fewer than "
    "{threshold}. Not promised: protection from somebody who runs all but one of these installations."
)
SOCIAL_IMPACT = (
    "A model that learns from approval learns what users of this tool accept. It can make a common habit look like a "
    "right one: let people overrule what it decides."
)
MAINTENANCE = (
    "A window is added every four weeks and is final. A version can be made again from the public numbers by naming "
    "its last day, unless an installation was excluded since, or a label hidden. Each version has a content id."
)
