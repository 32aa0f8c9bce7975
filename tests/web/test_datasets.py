"""`/datasets/`: what the operator has put there, verified, with cards and downloads."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import htpy as h
import pytest

from telemetry.web.datasets.markdown import markdown
from tests.support.datasets import WINDOWS, snapshot_of, write_dataset, write_windows
from tests.support.server import ServerProcess, serving


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("offered")
    write_windows(root / "published.db")
    for name, (_, last_day) in zip(("august", "september"), WINDOWS, strict=False):
        write_dataset(root / "sets" / name, snapshot_of(root / "published.db", last_day))
    shutil.copytree(root / "sets" / "august", root / "sets" / "changed")
    with (root / "sets" / "changed" / "data" / "train.jsonl").open("ab") as file:
        file.write(b" ")
    (root / "sets" / "unfinished").mkdir()
    (root / "secret").write_text("secret")
    return root


@pytest.fixture(scope="module")
def server(offered: Path) -> Iterator[ServerProcess]:
    with serving(offered / "data", "--datasets-dir", str(offered / "sets")) as running:
        yield running
        assert running.stop() == 0


def test_sound_data_sets_are_listed_the_latest_first(server: ServerProcess) -> None:
    answer = server.request("GET", "/datasets/")
    page = answer.body.decode()

    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'self'; img-src 'self'"
    assert re.findall(r'href="/datasets/([^"]+)/"', page) == ["september", "august"]
    assert server.request("GET", "/datasets").body == answer.body
    assert 'href="/datasets/">Data sets' in server.request("GET", "/").body.decode()
    assert server.request("GET", "/datasets/", headers={"If-None-Match": answer.headers["ETag"]}).status == 304


def test_a_card_is_rendered_with_its_downloads_which_are_what_it_says(server: ServerProcess, offered: Path) -> None:
    page = server.request("GET", "/datasets/august/").body.decode()

    for said in (
        "<h2>Uses</h2>",
        "<li>A project is counted",
        "<code>decision_approve</code>",
        "spdx.org/licenses/CC-BY-4.0",
    ):
        assert said in page, said
    assert page.count("<h1>") == 1
    assert "pretty_name" not in page
    places = re.findall(r'href="/datasets/august/([^"]+)"', page)
    assert "SHA256SUMS" in places
    assert len(places) == 8
    for place in places:
        answer = server.request("GET", f"/datasets/august/{place}")
        content = (offered / "sets" / "august" / place).read_bytes()
        assert (answer.status, answer.body) == (200, content), place
        assert hashlib.sha256(content).hexdigest()[:16] in page
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{Path(place).name}"'
        assert server.request("HEAD", f"/datasets/august/{place}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "changed/", "changed/README.md", "unfinished/", "absent/", "../secret", "..%2Fsecret", "august/../../secret",
        "august/..%2F..%2Fsecret", "august/absent", "august/data", "august/data/", "august//etc/passwd", "%00/",
        "august/%00", "%2E%2E/secret", "august\n/",
    ],
)  # fmt: skip
def test_what_is_not_of_a_sound_data_set_is_not_there(server: ServerProcess, path: str) -> None:
    assert server.request("GET", f"/datasets/{path.replace(chr(10), '%0A')}").status == 404


def test_a_byte_that_changes_takes_the_data_set_away_and_back(server: ServerProcess, offered: Path) -> None:
    file = offered / "sets" / "september" / "data" / "test.jsonl"
    content = file.read_bytes()
    assert server.request("GET", "/datasets/september/").status == 200

    file.write_bytes(content[:-2] + b"  ")
    assert server.request("GET", "/datasets/september/data/test.jsonl").status == 404
    assert server.request("GET", "/datasets/september/").status == 404
    assert "september" not in server.request("GET", "/datasets/").body.decode()
    file.write_bytes(content)

    assert server.request("GET", "/datasets/september/data/test.jsonl").body == content


def test_without_the_setting_there_is_no_such_page(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as running:
        assert running.request("GET", "/datasets/").status == 404
        assert "/datasets/" not in running.request("GET", "/").body.decode()


def test_hostile_markdown_stays_text() -> None:
    hostile = (
        '# title\n\n<script>alert(1)</script> &lt;b> [x](javascript:alert(1)) [y](https://example.org/"onclick=1)\n\n'
        "## a <i>\n\n| a | b |\n| --- | --- |\n| <img src=x> | c \\| d |\n\n```\n<pre>\n\nmore\n```\n\n- `<u>`\n- two"
    )

    shown = str(h.div[markdown(hostile)])

    assert not re.search(r"<(script|img|i|b|u)\b", shown)
    assert "javascript:alert(1)" in shown
    assert 'href="javascript' not in shown
    assert "onclick=1" in shown
    assert " onclick" not in shown
    assert "c | d" in shown
    assert "<pre><code>&lt;pre&gt;\n\nmore</code></pre>" in shown
    assert "<li>two</li>" in shown
    assert "title" not in shown
