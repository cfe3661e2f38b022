"""`waybill schema diff`: what a change of a JSON Schema does to instances, with proof."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from catalog.errors import Invalid, Problem
from controlplane.cli.output import Format, FormatOption, remark, say, say_json
from controlplane.cli.source import STANDARD_INPUT, label_of, read_source

app = typer.Typer(
    name="schema",
    help="JSON Schemas of business objects.",
    no_args_is_help=True,
    epilog="Example: waybill schema diff schemas/supplier/1.0.0.json schemas/supplier/1.1.0.json",
)

_SIGNS = {"compatible": "ok  ", "unknown": "?   ", "incompatible": "!!  "}


class Mode(StrEnum):
    backward = "backward"
    forward = "forward"
    full = "full"


class Policy(StrEnum):
    strict = "strict"
    wire = "wire"


@app.callback()
def schema() -> None:
    """JSON Schemas of business objects."""


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The old schema, JSON or YAML; - for standard input.")],
    new: Annotated[Path, typer.Argument(help="The new schema, JSON or YAML; - for standard input.")],
    mode: Annotated[
        Mode, typer.Option(help="backward: old instances stay valid; forward: new ones were valid before; full: both.")
    ] = Mode.backward,
    policy: Annotated[
        Policy, typer.Option(help="strict: all instances count; wire: writers send only properties they declare.")
    ] = Policy.strict,
    output: FormatOption = Format.text,
) -> None:
    """Compare two JSON Schemas: what changed, whether it is compatible, and the least version step.

    A schema is compatible when that is proven, incompatible when an instance refutes it (each such change shows one),
    and otherwise unknown, which counts as breaking. The version step is that of old instances, whatever the mode.
    Drafts 4, 6, 7, 2019-09 and 2020-12 are told apart by $schema. References to canonical schemas of the built-in
    library are followed; nothing is fetched. Exit status 1 also says that the change is breaking or unknown.

    Example: waybill schema diff old.json new.json
    waybill schema diff schemas/supplier/1.0.0.json - --mode full --format json
    """
    from catalog.compatibility import compare_schemas, schema_bump

    if str(old) == str(new) == STANDARD_INPUT:
        raise Invalid(
            "standard input cannot be both schemas", [Problem("OLD and NEW are both -", remedy="name a file")]
        )
    schemas = (read_schema(old), read_schema(new))
    resources = library_schemas()
    comparison = compare_schemas(*schemas, mode=mode.value, policy=policy.value, resources=resources)
    backward = comparison
    if mode is not Mode.backward:
        backward = compare_schemas(*schemas, policy=policy.value, resources=resources)
    bump = schema_bump(*schemas, backward)
    if comparison.verdict == "unknown":
        _remark_unread(schemas, resources)
    if output is Format.json:
        changes = [_as_json(change) for change in comparison.changes]
        say_json({"verdict": comparison.verdict, "bump": bump, "changes": changes})
    else:
        _say(comparison, bump, mode)
    if comparison.verdict != "compatible":
        raise typer.Exit(1)


def read_schema(path: Path) -> Any:
    """The one JSON Schema of a file, or of standard input. Raises `Invalid` when it is none."""
    from catalog.compatibility import schema_problems

    document, file = read_source(path), label_of(path)
    problems = [msgspec.structs.replace(problem, file=file) for problem in schema_problems(document)]
    if problems:
        raise Invalid(f"{file} is no JSON Schema", problems)
    return document


def library_schemas() -> dict[str, Any]:
    """The canonical schemas of the built-in library by the address that refers to them."""
    from catalog.document import parse_document
    from catalog.workspace import library_files

    found: dict[str, Any] = {}
    for path, content in library_files(["procure-to-pay"]).items():
        if path.endswith(".json"):
            documents, _ = parse_document(content, path)
            found |= {each["$id"]: each for each in documents if isinstance(each, dict) and "$id" in each}
    return found


def _as_json(change: Any) -> dict[str, Any]:
    return {name: getattr(change, name) for name in ("rule", "pointer", "verdict", "message", "witness")}


def _remark_unread(schemas: tuple[Any, Any], resources: dict[str, Any]) -> None:
    """What keeps the prover from reading them."""
    from catalog.compatibility.dialect import dialect_of
    from catalog.compatibility.document import Document
    from catalog.compatibility.wellformed import unread

    documents = [Document(schema, dialect_of(schema), resources) for schema in schemas]
    for sentence in dict.fromkeys(each for document in documents for each in unread(document)):
        remark(f"note: {sentence}")


def _say(comparison: Any, bump: str, mode: Mode) -> None:
    for change in comparison.changes:
        say(f"{_SIGNS[change.verdict]}{change.pointer or '(whole schema)'}: {change.message} [{change.rule}]")
        if change.verdict == "incompatible":
            say(f"      for example {msgspec.json.encode(change.witness).decode()}")
    counted = len(comparison.changes)
    step = "version step" if mode is Mode.backward else f"{mode.value}; version step (of old instances)"
    say(f"{comparison.verdict}; {counted} change{'' if counted == 1 else 's'}; {step}: {bump}")
