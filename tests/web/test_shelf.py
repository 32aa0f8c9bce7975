"""The shelf keeps what was rendered of one publication, and notices the next."""

from pathlib import Path

import pytest

from telemetry.published import closed_days
from telemetry.web.pages import shelf as shelves
from telemetry.web.pages.shelf import LOOK_INTERVAL_S, Rendered, Shelf, rendered


class Now:
    """A clock that goes on when it is told to."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "published.db"
    publish(path, b"first")
    return path


def publish(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.rename(path)


async def kept(shelf: Shelf, key: str, published: Path) -> Rendered:
    """Return a document that holds what was published when it was rendered."""
    return await shelf.get(key, lambda: rendered(key.encode() + b" of " + published.read_bytes()))


async def test_a_new_publication_is_noticed_within_the_interval(published: Path) -> None:
    now = Now()
    shelf = Shelf(published, now)
    await kept(shelf, "page", published)
    publish(published, b"second")
    now.seconds += LOOK_INTERVAL_S
    assert shelf.find("page") is None
    assert (await kept(shelf, "page", published)).body == b"page of second"


async def test_what_is_rendered_of_a_new_publication_ends_what_is_kept_of_the_old_one(published: Path) -> None:
    shelf = Shelf(published, Now())
    await kept(shelf, "page", published)
    publish(published, b"second")
    assert (await kept(shelf, "chart", published)).body == b"chart of second"
    assert shelf.find("page") is None
    assert (await kept(shelf, "page", published)).body == b"page of second"


async def test_what_is_kept_is_found_without_looking_at_the_file(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def looking(path: Path) -> closed_days.Stamp | None:
        looked.append(path)
        return closed_days.file_stamp(path)

    monkeypatch.setattr(shelves, "file_stamp", looking)
    now = Now()
    shelf = Shelf(published, now)
    made = await kept(shelf, "page", published)
    looked.clear()
    for _ in range(10):
        now.seconds += LOOK_INTERVAL_S / 5
        assert shelf.find("page") is made
    assert len(looked) in (1, 2)
