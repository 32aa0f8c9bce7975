"""Where the files of a data set lie in its folder."""

SUMS = "SHA256SUMS"
DATA = "data"
SPLITS = ("train", "test")
_FORMS = ("parquet", "jsonl")


def data_path(split: str, form: str) -> str:
    """Return the place of a split's file in a form, ``parquet`` or ``jsonl``."""
    return f"{DATA}/{split}.{form}"


DATA_PLACES = frozenset(data_path(split, form) for split in SPLITS for form in _FORMS)
"""Where files of splits may lie."""
