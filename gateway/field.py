"""Which declared fields of a call were there: each told once a day and process of a legal entity, consumer, operation
and direction, so that records stay small and a process that dies takes nothing with it.

Fields have numbers, and what a body holds is an integer with their bits. An object is known by the names that it has
(its shape): the second of a shape costs one look-up, whatever its values. Parts of which nothing is left to tell are
not looked at. Names that the contract does not declare may be data and are never told: they count as `*`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from catalog.contract import Operation
from catalog.field import ANY, BODY, DEEPEST, MOST_FIELDS, Field
from catalog.outline import Position
from catalog.schema import Validators
from policies.media import declared_as
from policies.request import Request, Response

DAY_S = 86_400
MOST_SHAPES = 64  # that an object is known by at one place; others are looked at name by name
MOST_NAMES = 256  # of a shape
MOST_USERS = 10_000  # of an operation and direction; then all is told again
MOST_WHOLE = 24  # fields of a part that is left out as a whole once they were told

_NEVER = -1  # all bits: no number has them
_OBJECTS = {dict}

Number = Callable[[Field], int]


class Fields:
    """The fields of one direction of an operation by number, and who has been told to have used which today."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._bits: dict[str, int] = {}
        self._told: dict[tuple[str, str], int] = {}
        self._day = 0

    def bit(self, field: Field) -> int:
        """Of a field; 0 for one too many."""
        name = field.name
        if name not in self._bits:
            if len(self._names) >= MOST_FIELDS:
                return 0
            self._bits[name] = 1 << len(self._names)
            self._names.append(name)
        return self._bits[name]

    def told(self, user: tuple[str, str], day: int) -> int:
        """Bits of what has been told of `user` on that day."""
        if day != self._day or len(self._told) > MOST_USERS:
            self._told.clear()
            self._day = day
        return self._told.get(user, 0)

    def tell(self, found: int, told: int, user: tuple[str, str]) -> tuple[str, ...]:
        """Names of what was `found` beyond what was `told`; from now on it counts as told."""
        new = found & ~told
        if not new:
            return ()
        self._told[user] = told | new
        return tuple(name for number, name in enumerate(self._names) if new >> number & 1)


#: bits of an object's names, bits of all that can be below them, and which of them may hold more
_Shape = tuple[int, int, tuple[tuple[str, "Place"], ...]]


class Place:
    """A place of a body, with what was seen there."""

    __slots__ = ("_bit", "_field", "_inner", "_item", "_number", "_other", "_position", "_shapes", "_whole")

    def __init__(self, field: Field, position: Position, number: Number) -> None:
        self._field = field
        self._number = number
        self._bit = number(field)
        is_end = position.is_leaf or not self._bit or len(field.tokens) >= DEEPEST
        self._position = None if is_end else position
        self._inner: dict[str, Place] = {}  # by declared name
        self._other: Place | None = None
        self._item: Place | None = None
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._whole = self._bit if is_end else self._all(position) if _count(position, MOST_WHOLE) >= 0 else _NEVER

    def _all(self, position: Position) -> int:
        """Bits of all that can be there: of a part that is small and has no names but those declared."""
        bits = self._bit
        for name in position.names():
            bits |= self._at(name, position)._whole
        return bits | self._learn_item(position)._whole if position.has_items else bits

    def found(self, value: Any, told: int) -> int:
        """Bits of this place and of all that is declared and there within `value`, but for parts of which everything
        is `told`."""
        if self._position is None:
            return self._bit
        kind = type(value)
        if kind is dict:
            shape = tuple(value)
            bits, inner, deeper = self._shapes.get(shape) or self._learn(shape, self._position)
            if inner & told != inner:
                for name, place in deeper:
                    whole = place._whole
                    if whole & told != whole:
                        bits |= place.found(value[name], told)
            return bits
        if kind is list and value:
            item = self._item or self._learn_item(self._position)
            whole = item._whole
            if whole & told != whole:
                return self._bit | item._found_each(value, told)
            return self._bit | item._bit
        return self._bit

    def _found_each(self, values: list[Any], told: int) -> int:
        """The same of all items of an array. Objects are taken by their shapes, most of which are alike."""
        bits = self._bit
        if self._position is not None and set(map(type, values)) == _OBJECTS:
            is_all = True
            for shape in set(map(tuple, values)):
                of_shape, inner, _ = self._shapes.get(shape) or self._learn(shape, self._position)
                bits |= of_shape
                is_all = is_all and inner & told == inner
            if is_all:
                return bits
        for each in values:
            bits |= self.found(each, told)
        return bits

    def _learn(self, shape: tuple[str, ...], position: Position) -> _Shape:
        bits, inner, deeper = self._bit, 0, []
        for name in shape:
            place = self._at(name, position)
            bits |= place._bit
            if place._position is not None:
                inner |= place._whole
                deeper.append((name, place))
        known = bits, inner, tuple(deeper)
        if len(shape) <= MOST_NAMES and len(self._shapes) < MOST_SHAPES:
            self._shapes[shape] = known
        return known

    def _at(self, name: str, position: Position) -> Place:
        place = self._inner.get(name)
        if place is not None:
            return place
        declared = position.member(name)
        if declared is not None:
            place = self._inner[name] = self._below(name, declared)
            return place
        if self._other is None:
            self._other = self._below(ANY, position.other())
        return self._other

    def _learn_item(self, position: Position) -> Place:
        self._item = self._below(ANY, position.item())
        return self._item

    def _below(self, name: str, position: Position) -> Place:
        return Place(Field(self._field.part, (*self._field.tokens, name)), position, self._number)


def _count(position: Position, most: int) -> int:
    """How many fields can be there; negative when they are more than `most`, or without end."""
    names = () if position.is_leaf else position.names()
    if len(names) >= most or not (position.is_leaf or position.is_closed or position.has_items):
        return -1
    left = most - 1
    for each in (*map(position.member, names), *([position.item()] if position.has_items else ())):
        many = _count(each, left) if each is not None else 0
        if many < 0:
            return -1
        left -= many
    return most - left


class OperationFields:
    """Fields of requests and answers of one operation; what it takes to tell them is made with the first call."""

    def __init__(self, operation: Operation, validators: Validators) -> None:
        self._operation = operation
        self._validators = validators
        self._made: _Made | None = None

    def take_over(self, earlier: OperationFields) -> None:
        """Go on where the same version of the operation has come to in the snapshot before."""
        self._made = earlier._made

    def of_request(self, request: Request) -> tuple[str, ...]:
        """Those to tell of a request that was let through."""
        made, user = self._made or self._make(), _user(request)
        told = made.request.told(user, int(request.started_s) // DAY_S)
        found = made.parameters.found(request)
        if request.document is not None:
            found |= made.bodies.found(BODY, request.media, request.document, told)
        return made.request.tell(found, told, user)

    def of_response(self, request: Request, response: Response) -> tuple[str, ...]:
        """Those to tell of an answer that is passed on."""
        if response.document is None:
            return ()
        made, user = self._made or self._make(), _user(request)
        told = made.response.told(user, int(request.started_s) // DAY_S)
        found = made.answers.found(str(response.status), response.media, response.document, told)
        return made.response.tell(found, told, user)

    def _make(self) -> _Made:
        self._made = _Made(self._operation, self._validators)
        return self._made


class _Made:
    def __init__(self, operation: Operation, validators: Validators) -> None:
        self.request, self.response = Fields(), Fields()
        self.parameters = _Parameters(operation, self.request.bit)
        self.bodies = _Bodies({BODY: operation.request_schemas}, validators, self.request.bit)
        self.answers = _Bodies(operation.response_schemas, validators, self.response.bit)


def _user(request: Request) -> tuple[str, str]:
    return request.entity, request.consumer.consumer if request.consumer else ""


class _Bodies:
    """Roots of declared bodies by key of the declaration and media type, made when one is met."""

    def __init__(self, declared: Mapping[str, Mapping[str, Any]], validators: Validators, number: Number) -> None:
        self._declared = declared
        self._validators = validators
        self._number = number
        self._roots: dict[tuple[str, str], Place | None] = {}

    def found(self, key: str, media: str, document: Any, told: int) -> int:
        known = self._roots.get((key, media), ...)
        if known is ...:
            known = self._root(key, media)
            if len(self._roots) < MOST_SHAPES:
                self._roots[key, media] = known
        return 0 if known is None else known.found(document, told)

    def _root(self, key: str, media: str) -> Place | None:
        """None where the contract declares no document."""
        for name in (key, f"{key[0]}XX", "default"):
            if name not in self._declared:
                continue
            content = self._declared[name]
            declared = declared_as(content, media)
            if declared is None:
                return None
            handle = self._validators.handle(content[declared])
            return Place(Field(name, ()), self._validators.outline(handle), self._number)
        return None


class _Parameters:
    """Declared parameters of query and headers. Those of the path are always there."""

    def __init__(self, operation: Operation, number: Number) -> None:
        def bits(place: str, names: Iterable[str]) -> dict[str, int]:
            return {name: number(Field(place, (name,))) for name in names}

        def named(place: str) -> Iterator[str]:
            return (each.name for each in operation.parameters if each.place == place)

        self._query = bits("query", named("query"))
        lower = [name.lower() for name in named("header")]
        self._headers = {name.encode(): bit for name, bit in bits("header", lower).items()}
        self._undeclared = Field("query", (ANY,))
        self._number = number

    def found(self, request: Request) -> int:
        bits = 0
        if request.query:
            known = self._query
            for pair in request.query.split("&"):
                if pair:
                    name = pair.partition("=")[0]
                    bits |= known.get(name) or self._read(name)
        if self._headers:
            for key, _ in request.headers:
                bits |= self._headers.get(key, 0)
        return bits

    def _read(self, raw: str) -> int:
        """Of a name that is written in another way, belongs to an object (name[a]=1), or is not declared."""
        name = unquote_plus(raw)
        return self._query.get(name) or self._query.get(name.partition("[")[0]) or self._number(self._undeclared)
