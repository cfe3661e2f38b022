"""Which legal entity a call belongs to, as the contract declares it; ambiguity is refused, never resolved by order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from catalog.contract import Extension
from catalog.expression import Context, Expression, compile_expression
from catalog.extension import texts
from catalog.network import Consumer, may_act
from gateway.state.store import Store


class Resolution(NamedTuple):
    """`entity` is "" when refused, and then `status` and `code` say how."""

    entity: str
    status: int = 0
    code: str = ""
    detail: str = ""


_AMBIGUOUS = Resolution("", 400, "entity-ambiguous", "What the call says of its legal entity does not agree.")
_MISSING = Resolution("", 400, "entity-missing", "The call does not say which legal entity it belongs to.")
_FOREIGN = Resolution("", 404, "not-found", "There is no such object.")


class EntityResolver:
    """The `legal_entity` expressions of one operation, compiled."""

    def __init__(self, extension: Extension, representing: Mapping[str, frozenset[str]]) -> None:
        self._representing = representing
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
        if self._uses_reference and (found := await self._referred(context, consumer, stated, store)):
            return found
        if stated:
            return Resolution(stated.pop())
        own = sole_entity(consumer)
        return Resolution(own) if own else _MISSING

    async def _referred(
        self, context: Context, consumer: Consumer, stated: set[str], store: Store
    ) -> Resolution | None:
        """From cross-references of the object that the request names; None when there are none."""
        value = first_text(self._ids, context)
        if value is None:
            return None
        known = {reference.entity for reference in await store.cross_references(self._object, value)}
        if not known:
            return None
        own = {entity for entity in known if may_act(consumer, entity, self._representing)}
        if not own:
            return _FOREIGN
        if stated:
            own &= stated
        return Resolution(own.pop()) if len(own) == 1 else _AMBIGUOUS


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
