"""What the source says of a Struct's fields: the comment on a field's line. One sentence serves who reads the code,
who reads the reference and whose editor shows it."""

from __future__ import annotations

import inspect
import io
import textwrap
import tokenize
from functools import cache

import msgspec


@cache
def field_comments(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Field name -> the comment on its line; fields without one are left out. Empty when there is no source."""
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except OSError:
        return {}
    found: dict[str, str] = {}
    name, depth, is_start = "", 0, True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and is_start and depth == 0 and token.start[1] == 4:
            name = token.string
        elif token.type == tokenize.OP and token.string in "([{":
            depth += 1
        elif token.type == tokenize.OP and token.string in ")]}":
            depth -= 1
        elif token.type == tokenize.COMMENT and name in kind.__struct_fields__ and token.line.strip() != token.string:
            found.setdefault(name, token.string.lstrip("# ").strip())
        is_start = token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
    return found


def summary(kind: type[msgspec.Struct]) -> str:
    """The first paragraph of a Struct's docstring, on one line."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n", 1)[0].split())
