"""Runtime expressions of `x-waybill`, compiled once to closures (OpenAPI 3.1.1 §4.8.20.4, with three names of ours).

    $request.body            $request.body#/json/pointer     $response.body#/json/pointer
    $request.path.NAME       $request.query.NAME             (names are case sensitive)
    $request.header.NAME     $response.header.NAME           (names are not)
    $credential  the consumer's only legal entity            $entity  the call's legal entity
    $system      the bound system                            $reference  looked up by the host

A text that holds `{$…}` parts is a template: absent as a whole when a part is absent. Any other text stands for itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qsl

from catalog.errors import Invalid, Problem
from catalog.pointer import lookup
from catalog.pointer import parse as parse_pointer

Headers = Iterable[tuple[bytes, bytes]]
Resolver = Callable[["Context"], Any]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_PART = re.compile(r"\{(\$[^{}]*)\}")
_LONGEST_EXPONENT = 400  # beyond it a number stays in scientific notation instead of growing without bound


class Context:
    """What expressions may look at. Everything may be absent; `query` is raw, header names are lower case."""

    __slots__ = (
        "_query_values",
        "credential",
        "document",
        "entity",
        "headers",
        "path_parameters",
        "query",
        "reference",
        "response_document",
        "response_headers",
        "system",
    )

    def __init__(
        self,
        document: Any = None,
        path_parameters: dict[str, str] | None = None,
        query: str = "",
        headers: Headers = (),
        response_document: Any = None,
        response_headers: Headers = (),
        credential: str | None = None,
        system: str | None = None,
        entity: str | None = None,
        reference: str | None = None,
    ) -> None:
        self.document = document
        self.path_parameters = path_parameters or {}
        self.query = query
        self.headers = headers
        self.response_document = response_document
        self.response_headers = response_headers
        self.credential = credential
        self.system = system
        self.entity = entity
        self.reference = reference
        self._query_values: dict[str, list[str]] | None = None

    def query_values(self, name: str) -> list[str]:
        """All decoded values of a query parameter, in order."""
        if self._query_values is None:
            self._query_values = {}
            for key, value in parse_qsl(self.query, keep_blank_values=True):
                self._query_values.setdefault(key, []).append(value)
        return self._query_values.get(name, [])


class Expression:
    """A compiled expression. `sources` says what it reads, e.g. {"request.body", "reference"}."""

    __slots__ = ("resolve", "sources", "text")

    #: the value in a context: any JSON value; a list when a header or query name is repeated; None when absent
    resolve: Resolver

    def __init__(self, text: str, resolve: Resolver, sources: frozenset[str]) -> None:
        self.text = text
        self.resolve = resolve
        self.sources = sources

    def text_of(self, context: Context) -> str | None:
        """The value as text; None when absent, empty, or not a scalar."""
        value = self.resolve(context)
        return as_text(value) if value is not None else None

    def texts_of(self, context: Context) -> tuple[str, ...]:
        """Every value as text: more than one when a header or query name was repeated."""
        value = self.resolve(context)
        if type(value) is list:
            return tuple(text for item in value if (text := as_text(item)) is not None)
        text = as_text(value)
        return () if text is None else (text,)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def as_text(value: Any) -> str | None:
    """A scalar as text, numbers exact and without exponent; None for null, "", arrays and objects."""
    if type(value) is str:
        return value or None
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if abs(value.adjusted()) <= _LONGEST_EXPONENT else str(value)
    return str(value)


def compile_expression(text: str) -> Expression:
    """Compile an expression, a template with `{$…}` parts, or a literal. Raises `Invalid`."""
    if "{$" in text:
        return _template(text, as_text)
    if not text.startswith("$"):
        return Expression(text, lambda context: text, frozenset())
    resolve, source = _parse(text)
    return Expression(text, resolve, frozenset({source}))


def json_template(text: str) -> Expression:
    """Compile a look-up parameter. A lone expression gives its text; in a JSON text with `{$…}` parts each part is
    put in as a JSON value (inside a JSON string: as its escaped characters), so that no payload can change the query.

    Raises `Invalid` for a template that is not JSON: how to escape there is unknown.
    """
    if "{$" not in text:
        return compile_expression(text)
    try:
        json.loads(_PART.sub("0", text))
    except ValueError:
        raise _invalid(text, "a look-up text with {$…} parts must be JSON") from None
    return _template(text, _as_json)


def _as_json(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return as_text(value)
    if value is None or value == "":
        return None
    return json.dumps(value, default=as_text)


def _template(text: str, encode: Callable[[Any], str | None]) -> Expression:
    pieces = _PART.split(text)  # literal, expression, literal, …
    literals = pieces[0::2]
    if any("{$" in literal for literal in literals):
        raise _invalid(text, "a {$…} part is not closed")
    parts: list[tuple[Resolver, bool]] = []
    sources = set()
    is_in_string = False
    for literal, part in zip(literals, pieces[1::2], strict=False):
        is_in_string ^= literal.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 1
        resolve, source = _parse(part)
        parts.append((resolve, is_in_string and encode is _as_json))
        sources.add(source)

    def fill(context: Context) -> str | None:
        done = [literals[0]]
        for (resolve, is_inside), literal in zip(parts, literals[1:], strict=True):
            value = resolve(context)
            filled = encode(as_text(value) if is_inside else value)
            if filled is None:
                return None
            done += (filled[1:-1] if is_inside else filled, literal)
        return "".join(done)

    return Expression(text, fill, frozenset(sources))


def _parse(text: str) -> tuple[Resolver, str]:
    """The closure of one expression and the source that it reads."""
    simple = _SIMPLE.get(text)
    if simple is not None:
        return simple, text[1:]
    for prefix, build in _BUILDERS.items():
        if text.startswith(prefix):
            return build(text, text[len(prefix) :]), prefix[1:].rstrip(".")
    raise _invalid(text, "not an expression", "see catalog/expression.py for those known")


def _body(find_in: Callable[[Context], Any]) -> Callable[[str, str], Resolver]:
    def build(text: str, rest: str) -> Resolver:
        if rest == "":
            return find_in
        if not rest.startswith("#"):
            raise _invalid(text, "after `body` comes nothing or `#` and a JSON pointer")
        try:
            find = lookup(parse_pointer(rest[1:]))
        except Invalid:
            raise _invalid(text, "the part after `#` is not a JSON pointer") from None
        return lambda context: find(find_in(context))

    return build


def _header(headers_of: Callable[[Context], Headers]) -> Callable[[str, str], Resolver]:
    def build(text: str, rest: str) -> Resolver:
        if not _TOKEN.fullmatch(rest):
            raise _invalid(text, "a header name is missing or malformed")
        name = rest.lower().encode()

        def find(context: Context) -> Any:
            return _one_or_all([value.decode("latin-1") for key, value in headers_of(context) if key == name])

        return find

    return build


def _query(text: str, rest: str) -> Resolver:
    if not rest:
        raise _invalid(text, "a query parameter's name is missing")
    return lambda context: _one_or_all(context.query_values(rest))


def _path(text: str, rest: str) -> Resolver:
    if not rest:
        raise _invalid(text, "a path parameter's name is missing")
    return lambda context: context.path_parameters.get(rest)


def _one_or_all(values: list[str]) -> Any:
    if len(values) == 1:
        return values[0]
    return values or None


def _invalid(text: str, message: str, remedy: str = "") -> Invalid:
    return Invalid("expression refused", [Problem(f"{text!r}: {message}", remedy=remedy, rule="expression")])


_SIMPLE: dict[str, Resolver] = {
    "$credential": attrgetter("credential"),
    "$system": attrgetter("system"),
    "$entity": attrgetter("entity"),
    "$reference": attrgetter("reference"),
}

_BUILDERS: dict[str, Callable[[str, str], Resolver]] = {
    "$request.body": _body(attrgetter("document")),
    "$request.header.": _header(attrgetter("headers")),
    "$request.query.": _query,
    "$request.path.": _path,
    "$response.body": _body(attrgetter("response_document")),
    "$response.header.": _header(attrgetter("response_headers")),
}
