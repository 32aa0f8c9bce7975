"""Pages: what a browser gets, and from where."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import ServerProcess, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(Path(tmp_path_factory.mktemp("pages"))) as running:
        yield running


def test_a_service_without_numbers_says_how_to_send_the_first_event(server: ServerProcess) -> None:
    answer = server.request("GET", "/")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'self'; img-src 'self'"
    assert b"Send the first event" in answer.body


def test_a_page_names_only_addresses_of_this_service(server: ServerProcess) -> None:
    page = server.request("GET", "/").body.decode()

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    for address in addresses:
        assert address.startswith(("/", "#")), address
        if not address.startswith("#"):
            assert server.request("GET", address).status == 200, address
    assert "<script" not in page
    assert "style=" not in page


def test_a_page_that_a_browser_has_is_not_sent_again(server: ServerProcess) -> None:
    etag = server.request("GET", "/").headers["ETag"]
    again = server.request("GET", "/", headers={"If-None-Match": etag})
    assert again.status == 304
    assert again.body == b""
