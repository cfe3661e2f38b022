"""Names of the fields of a call, as traffic is told by them: `<part>:<name or pointer>`.

Parts of a request are `body`, `query`, `header` and `cookie`; those of an answer are the keys under which the contract
declares them (`200`, `4XX`, `default`). A body's field is a JSON Pointer of declared property names in which `*`
stands for every item of an array and for every name that the contract does not spell out: such a name may be data.
`body:` is the body itself.
"""

from __future__ import annotations

from typing import NamedTuple

from catalog.pointer import join, parse

BODY = "body"
DATA = "data"  # member of an event that holds its payload (CloudEvents 1.0.2, JSON format)
ANY = "*"  # an item, or a name that is not declared
MOST_FIELDS = 1_000  # of an operation and direction that are told; what lies deeper counts as what it lies in
DEEPEST = 16


class Field(NamedTuple):
    """`tokens` are those of the pointer; of a parameter its name alone."""

    part: str
    tokens: tuple[str, ...]

    @property
    def name(self) -> str:
        """As records tell it."""
        return f"{self.part}:{join('', *self.tokens)}" if self.is_document else f"{self.part}:{self.tokens[0]}"

    @property
    def is_document(self) -> bool:
        """Whether it is part of a body rather than a parameter."""
        return self.part not in PARAMETERS

    @property
    def holder(self) -> Field:
        """What it lies in; a body lies in itself."""
        return Field(self.part, self.tokens[:-1])


PARAMETERS = ("path", "query", "header", "cookie")


def parse_field(name: str) -> Field:
    """The reverse of `Field.name`. Raises: ValueError when it is none."""
    part, colon, rest = name.partition(":")
    if not (part and colon):
        raise ValueError(f"{name!r} is no field")
    return Field(part, (rest,) if part in PARAMETERS else parse(rest))
