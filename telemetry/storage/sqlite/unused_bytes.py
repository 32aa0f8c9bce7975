"""The unused bytes of a database file: pages of the free list, and room in other pages that no row takes.

SQLite overwrites what is deleted, but a page that was split or joined earlier may keep a copy of a row in its unused
bytes. Overwriting them does not change the content of the database, so a crash in between does no harm. See
https://www.sqlite.org/fileformat.html.
"""

from collections.abc import Iterator
from itertools import pairwise

from telemetry.storage.sqlite.database_files import MAGIC

_HEADER_BYTES = 100
# By the first byte of a page: the size of its header, whether it is a page of a table, and whether it is a leaf.
_INTERIOR_INDEX, _INTERIOR_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13
_INTERIOR = (_INTERIOR_INDEX, _INTERIOR_TABLE)
_TREE_PAGES = (_INTERIOR_INDEX, _INTERIOR_TABLE, _LEAF_INDEX, _LEAF_TABLE)
_BYTES_OF_SIZE_MIN = 4
_VARINT_BYTES_MAX = 9
_MORE = 0x80
# Overflow pages begin with the number of another page. In a file of fewer pages, it cannot look like a tree page.
_PAGES_MAX = 2 << 24

_Span = tuple[int, int]
"""The offset of the first byte, and the offset after the last."""


class NotUnderstoodError(Exception):
    """A file or a page is not as the format describes; none of it is overwritten."""


class DatabaseFile:
    """The content of a database file that no one writes and that has no write-ahead log."""

    def __init__(self, content: memoryview) -> None:
        if bytes(content[: len(MAGIC)]) != MAGIC:
            raise NotUnderstoodError("it is not a database")
        self._content = content
        size = self._number(16, 2)
        self._page_bytes = 65_536 if size == 1 else size
        self._usable = self._page_bytes - content[20]
        if self._number(52, 4):
            raise NotUnderstoodError("it has pages of pointers")
        if len(self._content) // self._page_bytes >= _PAGES_MAX:
            raise NotUnderstoodError("it has too many pages")
        self._trunks, self._leaves = self._free_pages()

    def unused_around(self, position: int) -> _Span | None:
        """Return the span of unused bytes around a position, or None if the position is used."""
        page, within = divmod(position, self._page_bytes)
        for first, end in self._unused(page):
            if first <= within < end:
                return page * self._page_bytes + first, page * self._page_bytes + end
        return None

    def all_unused(self) -> Iterator[_Span]:
        """Return all unused bytes."""
        for page in range(len(self._content) // self._page_bytes):
            start = page * self._page_bytes
            yield from ((start + first, start + end) for first, end in self._unused(page))

    def _unused(self, page: int) -> Iterator[_Span]:
        number, start = page + 1, page * self._page_bytes
        if number in self._leaves:
            yield 0, self._page_bytes
        elif number in self._trunks:
            yield 8 + 4 * self._number(start + 4, 4), self._usable
        elif self._content[start + (_HEADER_BYTES if page == 0 else 0)] in _TREE_PAGES:
            yield from self._unused_in_tree(start, _HEADER_BYTES if page == 0 else 0)
        # All other pages are overflow pages, which SQLite overwrites as a whole when it frees them.

    def _unused_in_tree(self, start: int, header: int) -> Iterator[_Span]:
        kind = self._content[start + header]
        cells = self._number(start + header + 3, 2)
        pointers = header + (12 if kind in _INTERIOR else 8)
        used = [(0, pointers + 2 * cells)]
        for number in range(cells):
            cell = self._number(start + pointers + 2 * number, 2)
            used.append((cell, cell + self._cell_bytes(start, cell, kind)))
        # The head of a free block stays: SQLite needs the offset of the next block, and the size.
        block = self._number(start + header + 1, 2)
        while block:
            used.append((block, block + 4))
            block = self._number(start + block, 2)
        used.sort()
        if used[-1][1] > self._usable or any(first[1] > second[0] for first, second in pairwise(used)):
            raise NotUnderstoodError(f"the page at {start} has rows that overlap")
        used.append((self._usable, self._page_bytes))
        yield from ((first[1], second[0]) for first, second in pairwise(used) if first[1] < second[0])

    def _cell_bytes(self, start: int, cell: int, kind: int) -> int:
        at = start + cell + (4 if kind in _INTERIOR else 0)
        if kind == _INTERIOR_TABLE:
            _, at = self._varint(at)
            return at - start - cell
        payload, at = self._varint(at)
        if kind == _LEAF_TABLE:
            _, at = self._varint(at)
        size = at - start - cell + self._local_bytes(payload, is_table=kind == _LEAF_TABLE)
        return max(size, _BYTES_OF_SIZE_MIN)

    def _local_bytes(self, payload: int, *, is_table: bool) -> int:
        """Return how many bytes of a row are in its page, including the number of its overflow page."""
        usable = self._usable
        most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
        if payload <= most:
            return payload
        least = (usable - 12) * 32 // 255 - 23
        kept = least + (payload - least) % (usable - 4)
        return (kept if kept <= most else least) + 4

    def _free_pages(self) -> tuple[set[int], set[int]]:
        trunks: set[int] = set()
        leaves: set[int] = set()
        trunk = self._number(32, 4)
        while trunk:
            start = (trunk - 1) * self._page_bytes
            count = self._number(start + 4, 4)
            if trunk in trunks or 8 + 4 * count > self._usable:
                raise NotUnderstoodError("its list of free pages is wrong")
            trunks.add(trunk)
            leaves.update(self._number(start + 8 + 4 * number, 4) for number in range(count))
            trunk = self._number(start, 4)
        return trunks, leaves

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self._content[at : at + size], "big")

    def _varint(self, at: int) -> tuple[int, int]:
        value = 0
        for number in range(_VARINT_BYTES_MAX - 1):
            byte = self._content[at + number]
            value = value << 7 | byte & ~_MORE
            if not byte & _MORE:
                return value, at + number + 1
        return value << 8 | self._content[at + _VARINT_BYTES_MAX - 1], at + _VARINT_BYTES_MAX
