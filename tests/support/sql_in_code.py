"""Finding the SQL statements that a module spells out, however they are put together."""

import ast
import re
from collections.abc import Iterator, Sequence

# As statements are written here: the first word in capitals, so that a sentence is none.
_STATEMENT = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|WITH|ATTACH|DETACH|PRAGMA|VALUES|VACUUM|ANALYZE)\b"
)


def statements(source: str) -> Iterator[str]:
    """Yield each statement of a module, with the expressions inside it as they are written."""
    inner: set[ast.AST] = set()
    # What is around a text comes before it.
    for node in ast.walk(ast.parse(source)):
        if node in inner:
            continue
        text = _text(node)
        if text is not None:
            inner |= set(ast.walk(node)) - {node}
            if _STATEMENT.match(text):
                yield text


def _text(node: ast.AST) -> str | None:
    """Return what an expression makes of texts, or None if it makes something else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return _together("", parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return None if _text(left) is None and _text(right) is None else _together("", [left, right])
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(glue)), attr="join"),
            args=[ast.Tuple(elts=parts) | ast.List(elts=parts)],
        ):
            return _together(glue, parts)
        case ast.BinOp(left=template, op=ast.Mod()) | ast.Call(func=ast.Attribute(value=template)):
            return _text(template)
    return None


def _together(glue: str, parts: Sequence[ast.AST]) -> str:
    texts = [_text(part) for part in parts]
    return glue.join(ast.unparse(part) if text is None else text for part, text in zip(parts, texts, strict=True))
