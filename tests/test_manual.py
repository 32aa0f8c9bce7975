"""The manual tells the truth: its tables are what the code says, its links lead somewhere, its example works."""

import json
import re
import subprocess
from pathlib import Path

import click

from telemetry.cli import COMMANDS, cli
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


def test_every_part_of_a_command_is_named_beside_it() -> None:
    said = {row[0].strip("`"): row[1] for row in rows_below("| command | what it does |")}
    groups = [(name, cli.get_command(click.Context(cli), name)) for name in COMMANDS]
    parts = [(name, part) for name, group in groups if isinstance(group, click.Group) for part in group.commands]
    assert len(parts) > 5
    assert [(name, part) for name, part in parts if not re.search(rf"\b{part}\b", said[f"telemetry {name}"])] == []


def test_every_make_target_is_named() -> None:
    targets = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
    assert len(targets) > 15
    assert [
        name for name in targets if not any(re.search(rf"\bmake {name}(?![\w-])", text) for text in PAGES.values())
    ] == []


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


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    without_code = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_to_a_file_and_to_a_heading_in_it() -> None:
    links = [
        (path, (path.parent / target).resolve() if target else path, anchor)
        for path, text in PAGES.items()
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text)
    ]
    assert len(links) > 50
    assert sum(bool(anchor) for _, _, anchor in links) > 20
    assert [(path.name, target.name) for path, target, _ in links if not target.exists()] == []
    found = {path: anchors(text) for path, text in PAGES.items()}
    assert [
        (path.name, target.name, anchor) for path, target, anchor in links if anchor and anchor not in found[target]
    ] == []


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
