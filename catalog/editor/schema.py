"""JSON Schemas of workspace files: what an editor completes, shows and underlines before `waybill lint` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from catalog.contract import Extension
from catalog.editor.comment import field_comments, summary
from catalog.editor.kind import FileKind
from catalog.inventory import Ignored, LintSettings, Settings
from catalog.lint.setting import SETTABLE

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def editor_schema(kind: FileKind, configs: Mapping[str, type[msgspec.Struct]] | None = None) -> dict[str, Any]:
    """JSON Schema 2020-12 of one kind of file. `configs`: policy id -> Struct of its `config`, for policies."""
    definitions = _definitions(kind.type)
    definition = definitions[kind.type.__name__]
    if kind.inherited:
        required = definition["required"]
        definition["required"] = required[:2]
        definition["anyOf"] = [{"required": required[2:]}, {"required": [kind.inherited]}]
    if kind.type is Settings:
        definitions[LintSettings.__name__]["properties"]["rules"]["propertyNames"] = {"enum": list(SETTABLE)}
        definitions[Ignored.__name__]["properties"]["rule"]["enum"] = list(SETTABLE)
    if configs:
        for policy_id, config in configs.items():
            definitions |= _definitions(config, f"{policy_id}.")
        definition["allOf"] = [_for_policy(policy_id, config) for policy_id, config in configs.items()]
        definition["properties"]["policy"]["enum"] = list(configs)
    whole: dict[str, Any] = {"$ref": f"#/$defs/{kind.type.__name__}"}
    if kind.is_list:
        whole = {"anyOf": [{"type": "array", "items": whole}, whole]}
    return {"$schema": DIALECT, "title": f"Waybill: {kind.path}", **whole, "$defs": definitions}


def extension_schema() -> dict[str, Any]:
    """JSON Schema of the `x-waybill` member of an operation."""
    title = "Waybill: x-waybill of an operation"
    return {"$schema": DIALECT, "title": title, "$ref": "#/$defs/Extension", "$defs": _definitions(Extension)}


def _for_policy(policy_id: str, config: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "if": {"properties": {"policy": {"const": policy_id}}, "required": ["policy"]},
        "then": {"properties": {"config": {"$ref": f"#/$defs/{policy_id}.{config.__name__}"}}},
    }


def _definitions(kind: type[msgspec.Struct], prefix: str = "") -> dict[str, Any]:
    """Definitions of a Struct and of all it is made of, with what the source says of the fields."""
    _, found = msgspec.json.schema_components([kind], ref_template=f"#/$defs/{prefix}{{name}}")
    for struct in structs(kind):
        _describe(found[struct.__name__], struct)
    return {f"{prefix}{name}": definition for name, definition in found.items()}


def structs(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """The Structs that `kind` is made of, itself first, each once."""
    seen: set[Any] = set()
    waiting: list[Any] = [msgspec.inspect.type_info(kind)]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls
            waiting += [field.type for field in info.fields]
        else:
            waiting += [value for name in ("type", "item_type", "value_type") if (value := getattr(info, name, None))]
            waiting += getattr(info, "types", ())


def _describe(definition: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    definition["description"] = summary(kind)
    comments = field_comments(kind)
    for field in msgspec.structs.fields(kind):
        text = comments.get(field.name)
        if text:
            definition["properties"][field.encode_name].setdefault("description", text)
