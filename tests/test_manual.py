"""The manual tells the truth: its tables are what the code says, its links lead somewhere, its example works."""

import json
import re
import subprocess
from pathlib import Path

from telemetry.cli import COMMANDS
from telemetry.errors import ERROR_SENTENCES, REJECTION_SENTENCES
from telemetry.operator_errors import MEANINGS, Exit
from telemetry.settings import describe
from telemetry.web.answers import STATUSES
from tests.support.server import serving

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = {path: path.read_text() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]}
"""The texts of the manual by file."""


def rows_below(header: str) -> list[list[str]]:
    """Return the cells of the table that follows a header row."""
    [page] = [text for text in PAGES.values() if header in text]
    lines = page.partition(header)[2].lstrip("\n").splitlines()[1:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_every_setting_is_listed_with_its_default_and_meaning() -> None:
    assert rows_below("| setting | default | meaning |") == [
        [f"`{setting.name}`", f"`{setting.default}`", setting.description] for setting in describe()
    ]


def test_every_error_code_is_listed_with_its_status_and_sentence() -> None:
    assert rows_below("| code | status | sentence |") == [
        [f"`{code}`", str(STATUSES[code]), sentence] for code, sentence in ERROR_SENTENCES.items()
    ]


def test_every_rejection_code_is_listed_with_its_sentence() -> None:
    assert rows_below("| code | sentence |") == [
        [f"`{code}`", sentence] for code, sentence in REJECTION_SENTENCES.items()
    ]


def test_every_command_is_listed() -> None:
    assert {f"`telemetry {name}`" for name in COMMANDS} == {row[0] for row in rows_below("| command | what it does |")}


def test_every_exit_code_is_listed_with_its_meanings() -> None:
    rows = rows_below("| exit code | meaning |")
    assert rows[3:] == [[str(int(meaning.exit)), meaning.sentence] for meaning in MEANINGS.values()]
    assert {str(int(code)) for code in Exit} | {"0", "2"} == {row[0] for row in rows}


def test_every_file_that_is_named_exists() -> None:
    named = {
        name
        for path, text in PAGES.items()
        if path.name != "CHANGELOG.md"
        for name in re.findall(r"`((?:telemetry|sql|systemd|docs|tests)/[\w./@-]+)`", text)
    }
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_link_leads_to_a_file() -> None:
    links = [
        (path, target)
        for path, text in PAGES.items()
        for target in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text)
        if not target.startswith("http")
    ]
    assert len(links) > 30
    assert [(str(path), target) for path, target in links if not (path.parent / target).exists()] == []


def test_the_readme_leads_to_every_page() -> None:
    assert {path.name for path in (ROOT / "docs").glob("*.md")} == set(re.findall(r"\]\(docs/([\w-]+\.md)\)", README))


def test_the_pictures_of_the_readme_are_small() -> None:
    pictures = [ROOT / name for name in re.findall(r'(?:src|srcset)="([^"]+)"', README)]
    assert [path.name for path in pictures] == ["dashboard-dark.webp", "dashboard-light.webp"]
    assert sum(path.stat().st_size for path in pictures) < 200_000


def test_the_readme_is_short() -> None:
    assert 120 <= len(README.splitlines()) <= 200


def test_the_example_works_as_pasted(data_dir: Path) -> None:
    example = README.partition("```sh\ncurl")[2].partition("```")[0]
    promised = README.partition("```json\n")[2].partition("\n```")[0]
    promised_stats = json.loads(README.partition("/v1/stats\n```\n\n```json\n")[2].partition("\n```")[0])
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        command = f"curl -s {example}".replace("http://127.0.0.1:8787", server.url)
        answered = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        stats = server.request("GET", "/v1/stats").json
        while not stats["totalEvents"]:
            stats = server.request("GET", "/v1/stats").json
        server.stop()

    assert answered.stdout == promised
    for changing in ("asOf", "generatedAt"):
        assert stats.pop(changing)
        assert promised_stats.pop(changing)
    assert stats == promised_stats
