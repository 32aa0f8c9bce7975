"""Pages in a real Chromium: in windows of any width and both schemes, by keyboard and without sight."""

import json
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.browser import Page, browsing, needs_chromium
from tests.support.publication import NEW, write_publication
from tests.support.server import serving

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]

PATHS = (
    "/",
    "/?days=all",
    "/categories/styling",
    "/languages/typescript",
    f"/releases/{NEW}",
    "/privacy",
    "/docs",
    "/versions/unknown",
)
WIDTHS = (320, 390, 768, 1440)
TAB, ENTER, SPACE = ("Tab", 9), ("Enter", 13, "\r"), (" ", 32, " ")

SMALL_TEXTS = """[...document.querySelectorAll('body *')]
  .filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .filter(one => parseFloat(getComputedStyle(one).fontSize) < 11).map(one => one.outerHTML)"""
# How large the texts of charts are, as they are shown: the size in the file by how much the picture is scaled.
CHART_SCALES = """[...document.querySelectorAll('figure img')]
  .map(one => one.getBoundingClientRect().width / (one.currentSrc.includes('narrow') ? 360 : 720)
    * (one.currentSrc.includes('narrow') ? 14 : 12))"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = """(() => { const one = document.activeElement, style = getComputedStyle(one);
  return {tag: one.tagName, text: one.textContent.trim().slice(0, 40), outline: style.outlineStyle,
          width: parseFloat(style.outlineWidth), height: one.getBoundingClientRect().height}; })()"""
BROKEN = "[...document.images].filter(one => !one.complete || !one.naturalWidth).map(one => one.src)"


class Visit:
    """A browser, and the service that it looks at."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    async def open(self, path: str) -> None:
        await self.page.open(self.url + path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visit]:
    data_dir = Path(tmp_path_factory.mktemp("browser"))
    write_publication(data_dir / "published.db")
    with serving(data_dir) as server:
        async with browsing(data_dir / "profile") as page:
            yield Visit(page, server.url)


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_is_wider_than_the_window_and_no_text_is_small(visit: Visit, path: str) -> None:
    for width in WIDTHS:
        await visit.page.resize(width)
        await visit.open(path)
        assert await visit.page.evaluate(WIDER) <= 0, (path, width)
        assert await visit.page.evaluate(SMALL_TEXTS) == [], (path, width)
        assert min(await visit.page.evaluate(CHART_SCALES), default=11) >= 11, (path, width)
        assert await visit.page.evaluate(BROKEN) == [], (path, width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_reader_without_sight_or_with_little_finds_nothing_in_the_way(visit: Visit, scheme: str) -> None:
    rules = files("axe_core_python").joinpath("axe.min.js").read_text()
    await visit.page.prefer(scheme)
    await visit.page.resize(1440)
    for path in ("/", "/categories/styling", f"/releases/{NEW}") if scheme == "light" else ("/", "/docs"):
        await visit.open(path)
        await visit.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        # Its rules look for what is wrong: contrast, names, order of headings, roles, focus.
        await visit.page.evaluate(rules + "; 0")
        found = json.loads(await visit.page.evaluate("axe.run().then(found => JSON.stringify(found.violations))"))
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path


async def test_both_colour_schemes_are_drawn(visit: Visit) -> None:
    await visit.page.resize(1440)
    seen: dict[str, Any] = {}
    for scheme in ("light", "dark"):
        await visit.page.prefer(scheme)
        await visit.open("/")
        seen[scheme] = await visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert seen == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}


async def test_a_page_asks_for_nothing_elsewhere_and_the_console_is_silent(visit: Visit) -> None:
    visit.page.requests.clear()
    visit.page.messages.clear()
    for path in PATHS[:-1]:
        await visit.open(path)
    assert len(visit.page.requests) > 10
    assert [one for one in visit.page.requests if not one.startswith(visit.url)] == []
    assert visit.page.messages == []


async def test_everything_is_reached_by_keyboard_and_seen_there(visit: Visit) -> None:
    await visit.page.resize(1440)
    await visit.open("/")
    names: list[str] = []
    while len(names) < 200:
        await visit.page.press(*TAB)
        focused = await visit.page.evaluate(FOCUSED)
        if focused["tag"] == "BODY":
            break
        assert focused["outline"] == "solid", focused
        assert focused["width"] >= 2, focused
        names.append(focused["text"])
    assert names[0] == "Skip to the content"
    assert {"7 days", "All", "styling", "?", "Table", "CSV", "How is this counted?"} <= set(names)


async def test_tables_and_explanations_open_with_a_key(visit: Visit) -> None:
    await visit.open("/")
    await visit.page.evaluate("document.querySelector('#confidence summary').focus()")
    await visit.page.press(*ENTER)
    assert await visit.page.evaluate("document.querySelector('#confidence details').open")
    await visit.page.evaluate("document.querySelector('.why').focus()")
    await visit.page.press(*SPACE)
    assert await visit.page.evaluate("document.querySelector('[popover]').matches(':popover-open')")
    await visit.page.evaluate("document.querySelector('.ranges a').focus()")
    async with visit.page.loading():
        await visit.page.press(*ENTER)
    assert await visit.page.evaluate("location.search") == "?days=7"


async def test_names_of_rows_stay_in_sight_while_a_table_is_scrolled(visit: Visit) -> None:
    await visit.page.resize(320)
    await visit.open("/")
    covered = await visit.page.evaluate("""(() => {
      const scroll = document.querySelector('#found .scroll'), table = scroll.querySelector('table');
      table.querySelector('thead .number:last-child').style.paddingLeft = '400px';
      scroll.scrollIntoView({block: 'center'});
      const covered = [];
      for (let left = 0; left <= 200; left += 4) {
        scroll.scrollLeft = left;
        for (const name of table.querySelectorAll('tr > :first-child')) {
          const box = name.getBoundingClientRect();
          const seen = document.elementFromPoint(box.left + 8, box.bottom - 8);
          if (!name.contains(seen)) covered.push([scroll.scrollLeft, name.textContent, seen && seen.outerHTML]);
        }
      }
      return [scroll.scrollLeft, covered];
    })()""")
    assert covered == [200, []]
