"""What a call means, from the expressions of `x-waybill`: business object, links, money, event, business time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from catalog.contract import Extension
from catalog.expression import Context, Expression, as_text, compile_expression
from catalog.extension import texts
from catalog.pointer import lookup, parse
from catalog.record import Amount, Exchange, ObjectLink, ObjectRef
from gateway.state.store import CrossReference
from gateway.trace import Trace

_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,20})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.]{5,18}([Zz]|[+-][0-9]{2}:[0-9]{2})?)?")
_LONGEST_KEY = 256  # characters of a business key; what is longer is none
_LONGEST_AXIS = 64
_MOST_AXES = 16


class Sense(msgspec.Struct, frozen=True):
    """What one call said."""

    object: ObjectRef | None
    aliases: tuple[ObjectRef, ...]
    links: tuple[ObjectLink, ...]
    amount: Amount | None
    occurred_at: str
    status_axes: dict[str, str]
    told: tuple[str, ...]  # the aliases that the system itself gave the object


NO_SENSE = Sense(None, (), (), None, "", {}, ())


class _Link(NamedTuple):
    object: str
    id: Expression
    relation: str
    kind: Any
    assigner: Expression | None


class Meaning:
    """The extension of one operation, compiled."""

    def __init__(self, extension: Extension) -> None:
        self.event = extension.event or ""
        self._object = extension.object or ""
        self._ids = [compile_expression(text) for text in texts(extension.id)]
        self._aliases = [(each, _is_told(each)) for each in map(compile_expression, extension.aliases)]
        self._links = [
            _Link(link.object, compile_expression(link.id), link.relation, link.kind, _optional(link.assigner))
            for link in extension.links
        ]
        self._amount = _optional(extension.amount)
        self._occurred_at = _optional(extension.occurred_at)
        self._status = _optional(extension.status)

        assigners = [link.assigner for link in self._links]
        self._is_late = _reads_answer(*(link.id for link in self._links), *assigners, self._amount, self._occurred_at)

    def read(self, context: Context, earlier: Sense = NO_SENSE) -> Sense:
        """`context.entity` assigns objects, `context.system` aliases. Never raises; what does not resolve is absent.
        `earlier` is what was read of the same call before: what depends on the request only is not read again."""
        if not self._object:
            return NO_SENSE
        entity, system = context.entity or "", context.system or ""
        value = None
        for each in self._ids:
            if (value := _key(each, context)) is not None:
                break
        aliases = [
            (alias, is_told) for each, is_told in self._aliases if system and (alias := _key(each, context)) is not None
        ]
        links, amount, occurred_at = earlier.links, earlier.amount, earlier.occurred_at
        if earlier is NO_SENSE or self._is_late:
            links = _linked(self._links, context, entity)
            amount = None if self._amount is None else _money(self._amount.resolve(context))
            occurred_at = "" if self._occurred_at is None else _moment(self._occurred_at.text_of(context))
        return Sense(
            None if value is None else ObjectRef(self._object, entity, value),
            tuple(ObjectRef(self._object, system, alias) for alias, _ in aliases),
            links,
            amount,
            occurred_at,
            {} if self._status is None else _axes(self._status.resolve(context)),
            tuple(alias for alias, is_told in aliases if is_told),
        )

    def complete(self, draft: Exchange, response_document: Any, response_headers: Any = ()) -> Exchange:
        """`draft`, journalled before the system was called, with what a successful answer adds: for whoever settles
        an exchange later. What came from the request stays as it is in the draft."""
        context = Context(
            response_document=response_document,
            response_headers=response_headers,
            entity=draft.legal_entity,
            system=draft.system,
        )
        found = self.read(context)
        return msgspec.structs.replace(
            draft,
            event=self.event or draft.event,
            object=found.object or draft.object,
            aliases=found.aliases or draft.aliases,
            links=draft.links + tuple(link for link in found.links if link not in draft.links),
            amount=found.amount or draft.amount,
            occurred_at=found.occurred_at or draft.occurred_at,
            status_axes=found.status_axes or draft.status_axes,
        )


def cross_references(sense: Sense, entity: str, system: str, trace: Trace) -> tuple[CrossReference, ...]:
    """Where the object of a call lives, under its id and each name that the system gave it. A name that the client
    chose is none of them: it could be that of another entity's object. `trace` is the call's."""
    if sense.object is None:
        return ()
    names = dict.fromkeys([sense.object.value, *sense.told])
    where = (entity, system, trace.trace_id, trace.span_id)
    return tuple(CrossReference(sense.object.type, name, *where) for name in names)


def blot_out(context: Context, pointers: Iterable[str]) -> None:
    """Take the scalars at `pointers` (as violations name places) out of what expressions see."""
    for pointer in pointers:
        place, _, name = pointer.removeprefix("#/").partition("/")
        if not pointer.startswith("#/"):
            _blot_out(context.document, parse(pointer))
        elif place == "path":
            context.path_parameters = {key: text for key, text in context.path_parameters.items() if key != name}
        elif place == "query":
            context.query = ""
        elif place == "header":
            context.headers = ()


def _blot_out(document: Any, tokens: tuple[str, ...]) -> None:
    if not tokens:
        return
    holder = lookup(tokens[:-1])(document)
    last: Any = tokens[-1]
    if type(holder) is list and last.isdigit() and int(last) < len(holder):
        last = int(last)
    elif type(holder) is not dict or last not in holder:
        return
    if not isinstance(holder[last], dict | list):
        holder[last] = None


def _optional(text: str | None) -> Expression | None:
    return None if text is None else compile_expression(text)


def _key(expression: Expression, context: Context) -> str | None:
    text = expression.text_of(context)
    return text if text is not None and len(text) <= _LONGEST_KEY else None


def _linked(links: list[_Link], context: Context, entity: str) -> tuple[ObjectLink, ...]:
    found = []
    for link in links:
        value = _key(link.id, context)
        assigner = entity if link.assigner is None else _key(link.assigner, context)
        if value is not None and assigner is not None:
            found.append(ObjectLink(ObjectRef(link.object, assigner, value), link.relation, link.kind))
    return tuple(found)


def _reads_answer(*expressions: Expression | None) -> bool:
    """Whether one of them reads the system's answer."""
    return any(
        source.startswith("response.") for expression in expressions if expression for source in expression.sources
    )


def _is_told(expression: Expression) -> bool:
    """Whether it reads the system's answer and nothing else."""
    sources = expression.sources
    return bool(sources) and all(source.startswith("response.") for source in sources)


def _money(value: Any) -> Amount | None:
    """Exact money {amount, currency}; None for anything else."""
    if type(value) is not dict:
        return None
    amount, currency = as_text(value.get("amount")), value.get("currency")
    if amount is None or type(currency) is not str:
        return None
    return Amount(amount, currency) if _DECIMAL.fullmatch(amount) and _CURRENCY.fullmatch(currency) else None


def _moment(text: str | None) -> str:
    return text if text is not None and _MOMENT.fullmatch(text) else ""


def _axes(value: Any) -> dict[str, str]:
    if type(value) is not dict or len(value) > _MOST_AXES:
        return {}
    return {
        name: state for name, state in value.items() if type(state) is str and len(name) <= _LONGEST_AXIS >= len(state)
    }
