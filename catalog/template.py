"""Entity templates (templates/<id>.yaml): what every legal entity of a kind has in common, so that a new one is a file
of a few lines.

    template: clinic
    entity: {region: us-east, currency: USD, timezone: America/New_York, calendar: us-federal, parent: network}
    bindings: [{contract: finance.invoices, major: 1, system: erp-cloud}]
    consumers: [procurement-saas]

Templates are resolved when a workspace is loaded; nothing behind that knows of them. What an entity says itself wins:
a field of its file over the template's, an item of bindings/ over the template's binding of that contract's major.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from catalog.network import Binding, Consumer, Entity, Facility


class EntityDefaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Fields of an entity that its file may leave out."""

    region: str | msgspec.UnsetType = msgspec.UNSET  # where their data may be
    currency: str | msgspec.UnsetType = msgspec.UNSET  # ISO 4217
    parent: str | msgspec.UnsetType = msgspec.UNSET  # id of another entity
    timezone: str | msgspec.UnsetType = msgspec.UNSET  # IANA name
    calendar: str | msgspec.UnsetType = msgspec.UNSET  # calendars/<id>.yaml
    facilities: list[Facility] | msgspec.UnsetType = msgspec.UNSET  # their places
    members: list[str] | msgspec.UnsetType = msgspec.UNSET  # entities that they act for


class TemplateBinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A binding that every entity of the template gets."""

    contract: str  # name
    major: int  # major version
    system: str  # id of a system


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """templates/<id>.yaml."""

    template: str  # id
    entity: EntityDefaults = EntityDefaults()  # fields that entities of the template may leave out
    bindings: list[TemplateBinding] = []  # made for each of them; their own win
    consumers: list[str] = []  # may act for each entity of the template, besides those that name it


def merged(own: Mapping[str, Any], template: Template) -> dict[str, Any]:
    """The plain data of an entity: its own file over the template."""
    return {**msgspec.to_builtins(template.entity), **own}


def bindings_of(
    template: Template, entities: Iterable[str], own: Collection[tuple[str, int, str]]
) -> Iterator[tuple[Binding, int]]:
    """Bindings made for `entities` of the template, each with its place in the template's list; `own` are the
    (contract, major, entity) that the workspace binds itself."""
    taken = set(own)
    for entity in entities:
        for index, item in enumerate(template.bindings):
            key = (item.contract, item.major, entity)
            if key not in taken:
                taken.add(key)
                yield Binding(*key, item.system), index


def granted(consumer: Consumer, entities: Mapping[str, Entity], templates: Mapping[str, Template]) -> Consumer:
    """The consumer with the entities added whose templates name it."""
    if "*" in consumer.entities:
        return consumer
    more = [
        name
        for name, entity in entities.items()
        if name not in consumer.entities
        and (template := templates.get(entity.template or "")) is not None
        and consumer.consumer in template.consumers
    ]
    return msgspec.structs.replace(consumer, entities=[*consumer.entities, *more]) if more else consumer
