"""The reference of workspace files: every field of every kind, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from catalog.contract import Extension
from catalog.editor.comment import field_comments, summary
from catalog.editor.kind import FILE_KINDS
from catalog.editor.schema import structs

_HEADER = ("| field | type | default | meaning |", "|---|---|---|---|")

_PLAIN = {
    "StrType": "text",
    "IntType": "integer",
    "FloatType": "number",
    "BoolType": "true or false",
    "DateType": "date (YYYY-MM-DD)",
}


def reference() -> str:
    """Markdown: a section a kind of file, a table a Struct. Structs that several kinds share come once."""
    seen: set[type[msgspec.Struct]] = set()
    parts = ["# Files of a workspace", "Drawn from the program by `waybill reference`; a test keeps it true."]
    for kind in FILE_KINDS:
        holds = "a list of these, or one" if kind.is_list else "one of these"
        parts.append(f"## {kind.name}: `{kind.path}`\n\n{summary(kind.type)}\n\nThe file holds {holds}:")
        if kind.inherited:
            parts.append(f"With `{kind.inherited}`, fields that it gives may be left out.")
        for struct in structs(kind.type):
            if struct not in seen:
                seen.add(struct)
                parts.append(_section(struct, is_whole=struct is kind.type))
    parts.append(f"## x-waybill: a member of an operation in openapi.yaml and asyncapi.yaml\n\n{summary(Extension)}")
    parts += [_section(struct, is_whole=struct is Extension) for struct in structs(Extension)]
    return "\n\n".join(parts) + "\n"


def table(struct: type[msgspec.Struct]) -> str:
    """Markdown: a row a field of `struct`, then those of what it is made of; "" when it has no field."""
    if not struct.__struct_fields__:
        return ""
    return "\n\n".join(_section(each, is_whole=each is struct) for each in structs(struct))


def _section(struct: type[msgspec.Struct], is_whole: bool) -> str:
    head = "" if is_whole else f"**{_name(struct)}**: {summary(struct) or 'a part of the above'}\n\n"
    return head + "\n".join([*_HEADER, *_rows(struct)])


def _rows(struct: type[msgspec.Struct]) -> Iterator[str]:
    comments = field_comments(struct)
    for field in msgspec.structs.fields(struct):
        described = getattr(field.type, "__metadata__", ())
        text = next((meta.description for meta in described if getattr(meta, "description", None)), None)
        cells = (
            f"`{field.encode_name}`",
            _type(msgspec.inspect.type_info(field.type)),
            _default(field),
            text or comments.get(field.name, ""),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "" if default in (None, msgspec.UNSET, "") else f"`{msgspec.json.encode(default).decode()}`"


def _type(info: Any) -> str:
    kinds = msgspec.inspect
    if isinstance(info, kinds.UnionType):
        named = [_type(item) for item in info.types if not isinstance(item, kinds.NoneType)]
        return " or ".join(named)
    if isinstance(info, kinds.StructType):
        return _name(info.cls)
    if isinstance(info, kinds.LiteralType):
        return " \\| ".join(f"`{value}`" for value in info.values).replace("\\|", "or")
    if isinstance(info, kinds.ListType | kinds.VarTupleType | kinds.SetType | kinds.FrozenSetType):
        return f"list of {_type(info.item_type)}"
    if isinstance(info, kinds.DictType):
        return f"{_type(info.key_type)} → {_type(info.value_type)}"
    if isinstance(info, kinds.Metadata):
        return _type(info.type)
    return _PLAIN.get(type(info).__name__, "any")


def _name(struct: type[msgspec.Struct]) -> str:
    return struct.__name__.lstrip("_")
