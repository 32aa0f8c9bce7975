"""DatasetManifest: what a data set is made of, as ``dataset.json`` holds it for programs."""

from typing import Self

import msgspec

from telemetry.published.reading import ClosedWindow

DATASET_MANIFEST = "dataset.json"
DATASET_FORMAT = 1


class About(msgspec.Struct, frozen=True):
    """The operator's statements about the data set; empty where nothing is set."""

    licence: str = ""
    creator: str = ""
    url: str = ""


class ManifestWindow(msgspec.Struct, frozen=True):
    """A window of four weeks; ``generation`` is more than 1 if it was made again after it had been published."""

    start: str
    last_day: str
    threshold: int
    generation: int

    @classmethod
    def of(cls, window: ClosedWindow) -> Self:
        """Return what a manifest says of a published window."""
        return cls(window.start, window.last_day, window.threshold, window.generation)


class DatasetManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a data set in numbers.

    ``unnamed`` has, by series, the share of voices without a public name. ``left_out`` counts, by kind, the labels that
    were hidden after their windows had been closed.
    """

    format: int = DATASET_FORMAT
    content_id: str
    complete_up_to: str
    windows: list[ManifestWindow]
    rows: dict[str, int]
    decision_voices: int
    unnamed: dict[str, float]
    left_out: dict[str, int]
    about: About
    writer: str

    @property
    def version(self) -> str:
        """The version in the form of semantic versioning.

        The numbers are the last day, how often windows were made again, and how many labels were left out.
        """
        made_again = sum(window.generation - 1 for window in self.windows)
        return f"{self.complete_up_to.replace('-', '')}.{made_again}.{sum(self.left_out.values())}"

    @property
    def threshold(self) -> int:
        """How many installations every number counts at least."""
        return min(window.threshold for window in self.windows)
