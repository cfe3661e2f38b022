"""`waybill contract diff` and `changelog`: what a new version of a contract means to those who use the old one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import typer

from catalog.errors import Invalid
from catalog.pointer import parse
from catalog.reference import parse_reference
from controlplane.cli.output import say, say_json
from controlplane.cli.report import Item, Level, RuleText, junit, markdown, sarif
from controlplane.cli.report.markdown import cell
from controlplane.cli.schema import Policy, library_schemas
from controlplane.cli.source import STANDARD_INPUT, label_of, read_source
from controlplane.cli.touched import RULES, Touched, say_whole, words

if TYPE_CHECKING:
    from catalog.canonical import Canonicals
    from catalog.compatibility.contract import Change, ContractComparison
    from catalog.compatibility.contract.rule import Rule

_LEVELS: dict[str, Level] = {"major": "error", "minor": "warning", "patch": "hint"}
_KEYS = ("rule", "operation", "location", "direction", "severity", "message", "fingerprint", "witness")
#: sections of a changelog, in their order
_SECTIONS = ("Breaking", "Added", "Changed", "Documentation")
#: ends of the ids of rules that tell of something new
_NEW = ("-added", "-declared", "-offered", "-promised")


class DiffFormat(StrEnum):
    text = "text"
    json = "json"
    markdown = "markdown"
    junit = "junit"
    sarif = "sarif"


class Versions(NamedTuple):
    """Two documents, and what came of comparing them."""

    old: dict[str, Any]
    new: dict[str, Any]
    found: ContractComparison


OldArgument = Annotated[str, typer.Argument(help="OpenAPI 2.0, 3.0, 3.1 or AsyncAPI 3, JSON or YAML; - reads it here.")]
NewArgument = Annotated[str, typer.Argument(help="The later version, of the same kind; - reads it here.")]
PolicyOption = Annotated[
    Policy,
    typer.Option(help="wire: properties that the other side does not declare are ignored; strict: they count."),
]
WorkspaceOption = Annotated[
    Path | None, typer.Option(help="Workspace whose canonical schemas count; default: the built-in library's.")
]


def diff(
    old: OldArgument,
    new: NewArgument,
    policy: PolicyOption = Policy.wire,
    workspace: WorkspaceOption = None,
    output: Annotated[
        DiffFormat, typer.Option("--format", help="How to print the result; junit and sarif for build servers.")
    ] = DiffFormat.text,
) -> None:
    """Compare two versions of a contract: each change, whom it breaks, and the least version bump.

    What breaks comes with a value that one side takes and the other refuses, where there is one. Exit status 0 when
    the new version is compatible, 1 when it breaks or that could not be decided, 2 when an input is wrong.

    With --workspace each change of a vendor's document also names what it touches there, by file and pointer:
    expressions of x-waybill that read the place, look-ups that ask for it; and overlay actions that find nothing any
    more, and bindings.

    Example: waybill contract diff orders-1.0.0.yaml orders-1.1.0.yaml
    git show main:orders.yaml | waybill contract diff - orders.yaml --format markdown
    """
    touched = None if workspace is None else Touched(workspace)
    versions = _compared(old, new, policy, _library() if touched is None else touched.canonicals)
    if touched is not None:
        touched.compare(versions.old, versions.new)
    _print(versions, new, output, touched)
    if versions.found.verdict != "compatible":
        raise typer.Exit(1)


def changelog(
    old: OldArgument, new: NewArgument, policy: PolicyOption = Policy.wire, workspace: WorkspaceOption = None
) -> None:
    """Write what changed between two versions of a contract, for its users, in Markdown.

    Breaking changes, additions, other changes and documentation, by operation.

    Example: waybill contract changelog orders-1.0.0.yaml orders-2.0.0.yaml > CHANGES.md
    """
    canonicals = _library() if workspace is None else Touched(workspace).canonicals
    say(changelog_text(_compared(old, new, policy, canonicals)))


# ---- reading


def _compared(old: str, new: str, policy: Policy, canonicals: Canonicals) -> Versions:
    from catalog.compatibility.contract import compare_contracts

    if old == new == STANDARD_INPUT:
        raise Invalid("only one of the two can be read from standard input")
    documents = [_read(name, canonicals) for name in (old, new)]
    try:
        found = compare_contracts(documents[0], documents[1], policy=policy.value, canonicals=canonicals)
    except Invalid as error:
        raise Invalid(f"{old} and {new} cannot be compared: {error.detail}", error.problems) from error
    return Versions(documents[0], documents[1], found)


def _read(name: str, canonicals: Canonicals) -> dict[str, Any]:
    """A document whose frame and schemas can be read. Raises: Invalid with file, pointer and remedy."""
    from catalog.compatibility.contract.normal import canonical_flaws, kind_of, plain_document
    from catalog.compatibility.contract.wellformed import Frame, schema_flaws

    document: dict[str, Any] = read_source(name)
    if kind_of(document) == "openapi" and "openapi" in document:
        plain = plain_document(document)
        flaws = [*Frame(plain).flaws, *schema_flaws(plain), *canonical_flaws(plain, canonicals)]
        if flaws:
            shown = [msgspec.structs.replace(flaw, file=label_of(name)) for flaw in flaws]
            raise Invalid(f"{label_of(name)} is no OpenAPI document that can be compared", shown)
    return document


def _library() -> Canonicals:
    """The canonical schemas that a document may refer to without a workspace."""
    from catalog.canonical import canonical_schema

    known = {parse_reference(name): schema for name, schema in library_schemas().items()}
    return {each.key: canonical_schema(each.object, each.range, schema) for each, schema in known.items()}


# ---- printing


def _print(versions: Versions, file: str, output: DiffFormat, touched: Touched | None) -> None:
    found = versions.found
    items = [] if output in (DiffFormat.json, DiffFormat.text) else _items(found.changes, file, touched)
    if output is DiffFormat.json:
        say_json(_document_of(found, touched))
    elif output is DiffFormat.text:
        _say(found, touched)
    elif output is DiffFormat.markdown:
        say(markdown(items, summary(found), "Nothing changed."))
    elif output is DiffFormat.junit:
        say(junit(items, "waybill contract diff"))
    else:
        say_json(sarif(items, _rules() if touched is None else [*_rules(), *RULES]))


def _document_of(found: ContractComparison, touched: Touched | None) -> dict[str, Any]:
    changes = [{key: getattr(change, key) for key in _KEYS} for change in found.changes]
    told: dict[str, Any] = {"verdict": found.verdict, "bump": found.bump, "changes": changes}
    if touched is None:
        return told
    for shown, change in zip(changes, found.changes, strict=True):
        shown["touched"] = msgspec.to_builtins(touched.of(change))
    bindings = [each._asdict() for each in touched.bindings]
    whole = {"contracts": touched.contracts, "bindings": bindings, "lost": msgspec.to_builtins(touched.lost)}
    return {**told, "workspace": whole}


def _items(changes: Sequence[Change], file: str, touched: Touched | None) -> list[Item]:
    found = [
        Item(
            change.rule,
            _LEVELS[change.severity],
            (f"{change.operation}: {change.message}" if change.operation else change.message)
            + ("" if touched is None else words(touched.of(change))),
            "" if file == STANDARD_INPUT else file,
            change.location,
            f"release it as a major version, or waive {change.fingerprint}" if change.severity == "major" else "",
        )
        for change in changes
    ]
    return found if touched is None else found + touched.items(any(each.severity == "major" for each in changes))


def _rules() -> list[RuleText]:
    from catalog.compatibility.contract import RULES

    return [RuleText(rule.id, rule.title, rule.explanation, level=_level(rule)) for rule in RULES.values()]


def _level(rule: Rule) -> Level:
    """The heavier of its two weights."""
    return _LEVELS[min(rule.request, rule.response, key=list(_LEVELS).index)]


def summary(found: ContractComparison) -> str:
    """Verdict, bump and how many changes of each weight, in a line."""
    if not found.changes:
        return "compatible: nothing changed"
    counts: Counter[str] = Counter(change.severity for change in found.changes)
    told = ", ".join(f"{counts[name]} {name}" for name in _LEVELS if counts[name])
    return f"{found.verdict}: at least a {found.bump} version ({told})"


def _say(found: ContractComparison, touched: Touched | None) -> None:
    say(summary(found))
    for operation, changes in _by_operation(found.changes):
        say(f"\n{operation or 'document'}")
        for change in changes:
            say(f"  {change.severity:<5}  {change.message} [{change.rule}]")
            say(f"         {where(change)}")
            if change.severity == "major" and not change.is_undecided and change.witness is not None:
                say(f"         such as {_value(change.witness)}")
            if change.severity == "major":
                say(f"         waiver: {change.fingerprint}")
            for each in () if touched is None else touched.of(change):
                say(f"         touches {each.file}#{each.pointer}: {each.what}")
    if touched is not None and found.changes:
        say_whole(touched)


def _value(witness: Any) -> str:
    import json

    text = json.dumps(witness, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def where(change: Change) -> str:
    """The place within the operation: "response 200 content application/json /items/name" as tokens."""
    tokens = parse(change.location)
    skipped = {"paths": 3, "webhooks": 3, "x-webhooks": 3, "operations": 2}.get(tokens[0], 0) if tokens else 0
    rest = tokens[skipped:] if change.operation else tokens
    return " › ".join(rest) or "itself"


def _by_operation(changes: Iterable[Change]) -> Iterable[tuple[str, list[Change]]]:
    found = sorted(changes, key=lambda change: change.operation)
    return [(name, list(group)) for name, group in groupby(found, key=lambda change: change.operation)]


# ---- changelog


def changelog_text(versions: Versions) -> str:
    """Markdown; what documents say is escaped."""
    lines = [f"# {_heading(versions)}", "", f"{cell(summary(versions.found))}"]
    for section in _SECTIONS:
        chosen = [change for change in versions.found.changes if _section(change) == section]
        if not chosen:
            continue
        lines += ["", f"## {section}"]
        for operation, changes in _by_operation(chosen):
            lines += ["", f"### {cell(operation or 'Document')}", ""]
            lines += dict.fromkeys(_line(change) for change in changes)
    return "\n".join(lines)


def _heading(versions: Versions) -> str:
    infos = [document.get("info") for document in (versions.old, versions.new)]
    old, new = ({} if not isinstance(info, dict) else info for info in infos)
    title = str(new.get("title") or old.get("title") or "Changes")
    return cell(f"{title} {old.get('version', '')} → {new.get('version', '')}".strip())


def _section(change: Change) -> str:
    if change.severity == "major":
        return "Breaking"
    if change.severity == "patch":
        return "Documentation"
    return "Added" if change.rule.endswith(_NEW) else "Changed"


def _line(change: Change) -> str:
    side = f" ({change.direction})" if change.direction else ""
    return f"- {cell(change.message)}{side}: {cell(where(change))}"
