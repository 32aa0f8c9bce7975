"""The picture in the README: `make screenshot` while `make demo` serves."""

import asyncio
import base64
import sys
import tempfile
from pathlib import Path

from tests.support.browser import browsing

DOCS = Path(__file__).parents[2] / "docs"
WIDTH, HEIGHT = 780, 1225
QUALITY = 80


async def take(url: str) -> None:
    """Write `docs/dashboard-light.webp` and `docs/dashboard-dark.webp`: what a window shows of the page at once."""
    with tempfile.TemporaryDirectory() as profile:
        async with browsing(Path(profile)) as page:
            await page.resize(WIDTH, HEIGHT)
            await page.call("Emulation.setScrollbarsHidden", hidden=True)
            for scheme in ("light", "dark"):
                await page.prefer(scheme)
                await page.open(url)
                answer = await page.call("Page.captureScreenshot", format="webp", quality=QUALITY)
                (DOCS / f"dashboard-{scheme}.webp").write_bytes(base64.b64decode(answer["result"]["data"]))


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1]))
