"""Reading the network: entities, systems, bindings and consumers."""

from __future__ import annotations

from catalog.loading.file import Files
from catalog.network import Binding, Consumer, Entity, System


def read_entities(files: Files) -> dict[str, Entity]:
    return files.named("entities", "entity", Entity, lambda item: item.entity)


def read_systems(files: Files) -> dict[str, System]:
    return files.named("systems", "system", System, lambda item: item.system)


def read_consumers(files: Files) -> dict[str, Consumer]:
    return files.named("consumers", "consumer", Consumer, lambda item: item.consumer)


def read_bindings(files: Files) -> tuple[Binding, ...]:
    return tuple(
        item
        for item, path, pointer in files.items("bindings", Binding, "binding", "contract")
        if files.note_source("binding", binding_name(item), path, pointer)
    )


def binding_name(binding: Binding) -> str:
    return f"{binding.contract}/{binding.major}/{binding.entity}"
