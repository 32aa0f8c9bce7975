"""Renders the Markdown that cards use: headings, paragraphs, lists, tables, code blocks, links. All text is escaped."""

import html
import re
from collections.abc import Iterator
from itertools import groupby

import htpy as h

_HEADING = re.compile(r"(#{1,3}) (.+)")
_ROW = re.compile(r"\|(.*)\|")
_RULE = re.compile(r"\|( *:?-+:? *\|)+")
_FENCE = "```"
_HEAD = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_BETWEEN_CELLS = re.compile(r"(?<!\\)\|")
_INLINE = re.compile(r"`([^`]+)`|(?<!\\)\[([^\]]+)\]\((https?://[^)\s]+)\)")
_ESCAPED = re.compile(r"\\([\\|\[\]`*_#-])")


def markdown(text: str) -> Iterator[h.Node]:
    """Return the elements of a text, without its YAML head and its title."""
    lines = _HEAD.sub("", text).splitlines()
    blocks = [list(block) for is_block, block in groupby(lines, key=bool) if is_block]
    for block in _whole_fences(blocks):
        yield _element(block)


def _whole_fences(blocks: list[list[str]]) -> Iterator[list[str]]:
    """Return the blocks, joining those that belong to one fenced block of code."""
    code: list[str] = []
    for block in blocks:
        if code:
            code = [*code, "", *block]
        elif block[0].startswith(_FENCE):
            code = block
        else:
            yield block
            continue
        if len(code) > 1 and code[-1].strip() == _FENCE:
            yield code
            code = []
    if code:
        yield code


def _element(block: list[str]) -> h.Node:
    first = block[0]
    if first.startswith(_FENCE):
        return h.pre[h.code["\n".join(line for line in block[1:] if line.strip() != _FENCE)]]
    if heading := _HEADING.fullmatch(first):
        below = _element(block[1:]) if len(block) > 1 else None
        # The page has a title of its own.
        levels = {2: h.h2, 3: h.h3}
        return [levels[len(heading[1])][_inline(heading[2])] if len(heading[1]) in levels else None, below]
    if first.startswith("- "):
        items = "\n".join(block)[2:].split("\n- ")
        return h.ul[(h.li[_inline(item)] for item in items)]
    if len(block) > 1 and _ROW.fullmatch(first) and _RULE.fullmatch(block[1]):
        return _table(block)
    return h.p[_inline("\n".join(block))]


def _table(block: list[str]) -> h.Node:
    head, *rows = [_cells(line) for line in block if not _RULE.fullmatch(line)]
    return h.div(".scroll", role="region", tabindex="0", aria_label=f"Table: {' and '.join(head[:2])}")[
        h.table[
            h.thead[h.tr[(h.th(scope="col")[_inline(cell)] for cell in head)]],
            h.tbody[
                (
                    h.tr[h.th(scope="row")[_inline(row[0])], (h.td[_inline(cell)] for cell in row[1:])]
                    for row in rows
                )
            ],
        ]
    ]  # fmt: skip


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _BETWEEN_CELLS.split(line.strip().strip("|"))]


def _inline(text: str) -> Iterator[h.Node]:
    place = 0
    for found in _INLINE.finditer(text):
        yield _plain(text[place : found.start()])
        code, label, address = found.groups()
        yield h.code[code] if code is not None else h.a(href=address, rel="nofollow")[_plain(label)]
        place = found.end()
    yield _plain(text[place:])


def _plain(text: str) -> str:
    return html.unescape(_ESCAPED.sub(r"\1", text))
