"""Which legal entity a call belongs to, as the contract declares it; ambiguity is refused, never resolved by order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from catalog.contract import Extension
from catalog.expression import Context, Expression, compile_expression
from catalog.extension import texts
from catalog.network import Consumer, may_act
from gateway.state.store import CrossReference, Store


class Resolution(msgspec.Struct, frozen=True):
    """`entity` is "" when refused, and then `status` and `code` say how."""

    entity: str
    status: int = 0
    code: str = ""
    detail: str = ""


_AMBIGUOUS = Resolution("", 400, "entity-ambiguous", "What the call says of its legal entity does not agree.")
_MISSING = Resolution("", 400, "entity-missing", "The call does not say which legal entity it belongs to.")
_FORBIDDEN = Resolution("", 403, "entity-forbidden", "The consumer may not act for this legal entity.")
_FOREIGN = Resolution("", 404, "not-found", "There is no such object.")


class EntityResolver:
    """The `legal_entity` expressions of one operation, compiled.

    What a call states settles its entity, and cross-references only where it states none. Either way, an id that the
    entity's own system is known to use for another entity's object is not found: no header opens that.
    """

    def __init__(
        self, extension: Extension, representing: Mapping[str, frozenset[str]], systems: Mapping[str, str]
    ) -> None:
        """`systems`: to which one the calls of an entity go; "*" for the entities not named."""
        self._representing = representing
        self._systems = systems
        compiled = [compile_expression(text) for text in texts(extension.legal_entity)]
        self._direct = [expression for expression in compiled if "reference" not in expression.sources]
        self._uses_reference = len(self._direct) < len(compiled)
        self._object = extension.object or ""
        self._ids = _request_expressions(texts(extension.id))

    async def resolve(self, context: Context, consumer: Consumer, store: Store) -> Resolution:
        """Raises Unavailable when cross-references cannot be read."""
        stated = {text for expression in self._direct for text in expression.texts_of(context)}
        if len(stated) > 1:
            return _AMBIGUOUS
        if known := await self._references(context, store):
            return self._referred(known, consumer, stated)
        if stated:
            return Resolution(stated.pop())
        own = sole_entity(consumer)
        return Resolution(own) if own else _MISSING

    async def _references(self, context: Context, store: Store) -> Sequence[CrossReference]:
        """What is known of the object that the request names."""
        value = first_text(self._ids, context) if self._uses_reference else None
        return () if value is None else await store.cross_references(self._object, value)

    def _referred(self, known: Sequence[CrossReference], consumer: Consumer, stated: set[str]) -> Resolution:
        wanted = stated or {reference.entity for reference in known}
        own = {entity for entity in wanted if may_act(consumer, entity, self._representing)}
        if not own:
            return _FORBIDDEN if stated else _FOREIGN
        if len(own) > 1:
            return _AMBIGUOUS
        entity = own.pop()
        return _FOREIGN if self._is_anothers(known, entity) else Resolution(entity)

    def _is_anothers(self, known: Sequence[CrossReference], entity: str) -> bool:
        """Whether the id is another entity's where the entity's call would go: of one system, an id has one owner."""
        system = self._systems.get(entity) or self._systems.get("*")
        owners = {reference.entity for reference in known if reference.system == system}
        return bool(owners) and entity not in owners


def sole_entity(consumer: Consumer) -> str | None:
    """The consumer's only legal entity; None when it has several or all."""
    only = consumer.entities[0] if len(consumer.entities) == 1 else "*"
    return None if only == "*" else only


def first_text(expressions: list[Expression], context: Context) -> str | None:
    for expression in expressions:
        text = expression.text_of(context)
        if text is not None:
            return text
    return None


def _request_expressions(expressions: list[str]) -> list[Expression]:
    compiled = [compile_expression(text) for text in expressions]
    return [each for each in compiled if not any(source.startswith("response.") for source in each.sources)]
