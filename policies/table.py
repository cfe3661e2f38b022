"""The table of policies for the documentation, drawn from docstrings and `Config`s so that it cannot drift."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from policies.builtin import BUILTIN
from policies.chain import order
from policies.kind import UNSHADOWABLE

HEADER = ("| policy | phase | what it does | settings (default) |", "|---|---|---|---|")


def policy_table() -> str:
    """Markdown: one row a policy, in the order in which they run."""
    places = order(BUILTIN)
    kinds = sorted(BUILTIN.values(), key=lambda kind: places[kind.id])
    return "\n".join([*HEADER, *(_row(kind) for kind in kinds)]) + "\n"


def _row(kind: Any) -> str:
    summary = (sys.modules[kind.__module__].__doc__ or "").strip().split("\n\n", 1)[0].replace("\n", " ")
    if kind.id in UNSHADOWABLE:
        summary += " No shadow mode."
    cells = (f"`{kind.id}`", kind.phase, summary, "<br>".join(_settings(kind.config_type)) or "none")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _settings(config: type[msgspec.Struct]) -> list[str]:
    schema = msgspec.json.schema(config)
    fields = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    return [_setting(field, fields[field.encode_name]) for field in msgspec.structs.fields(config)]


def _setting(field: msgspec.structs.FieldInfo, schema: dict[str, Any]) -> str:
    default = msgspec.json.encode(field.default).decode() if field.default is not msgspec.NODEFAULT else "required"
    return f"`{field.encode_name}`: {schema['description']} ({default})"
