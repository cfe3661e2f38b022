"""`waybill impact`: what a changed canonical schema would do to the contracts that use it, and who calls them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from catalog.errors import Invalid, Problem, WaybillError
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, say, say_json, say_table
from controlplane.cli.progress import progress
from controlplane.cli.schema import read_schema
from controlplane.cli.usage import Seen, seen_users

if TYPE_CHECKING:
    from catalog.compatibility.impact import Impact
    from catalog.compatibility.usage import Change
    from catalog.contract import ContractVersion, Operation

DAYS = 30  # of traffic that are looked at
_LEVEL = ("none", "patch", "minor", "major")


def impact(
    schema: Annotated[Path, typer.Argument(help="The changed canonical schema, JSON or YAML; - for standard input.")],
    workspace: Annotated[Path, typer.Option(help="The directory that holds waybill.yaml.")] = Path(),
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Tell what a change of a canonical schema does: to which contracts and operations, which way, and how badly.

    The file takes the place of every version of its object ($id: canonical:<object>@<version>) wherever a contract of
    the workspace is pinned to one; each place is compared as the contract's own policy says. With a control plane
    (--url, or a workspace that runs) the consumers that called those operations in the last 30 days are named too, and
    which of the changed fields each of them sent or was answered with: what it reads of an answer nobody can see.
    Exit status 1 also says that something would break, or could not be proved safe.

    Example: waybill impact schemas/invoice/1.1.0.json --workspace network
    """
    from catalog.compatibility.impact import impact as impact_of
    from catalog.workspace import read_directory
    from controlplane.registry.candidate import load_workspace

    changed = _canonical(read_schema(schema), str(schema))
    with progress("comparing every place where it is used"):
        loaded = load_workspace(read_directory(workspace))
        _require_known(changed.object, {each.object for each in loaded.schemas.values()}, str(schema))
        found = impact_of(loaded, changed)
    seen = _seen([each.contract for each in found], url, token, workspace)
    contracts = [_told(each, loaded.version(each.contract), seen) for each in found]
    told = {
        "schema": changed.key,
        "verdict": _verdict([each["verdict"] for each in contracts]),
        "bump": max((each["bump"] for each in contracts), key=_LEVEL.index, default="none"),
        "traffic": None if seen is None else f"{DAYS}d",
        "contracts": contracts,
    }
    if output is Format.json:
        say_json(told)
    else:
        _say(told)
    if told["verdict"] != "compatible":
        raise typer.Exit(1)


def _canonical(document: Any, file: str) -> Any:
    """Raises: Invalid unless it names itself as a canonical schema."""
    from catalog.canonical import canonical_schema
    from catalog.reference import parse_reference

    name = document.get("$id") if isinstance(document, dict) else None
    remedy = 'write "$id": "canonical:<object>@<version>", such as canonical:invoice@1.1.0'
    problem = Problem("does not say which canonical schema it is", "/$id", file, remedy, "canonical-schema")
    try:
        reference = parse_reference(name if isinstance(name, str) else "")
    except Invalid:
        raise Invalid(f"{file} is no canonical schema", [problem]) from None
    if not reference.is_exact or reference.fragment:
        raise Invalid(f"{file} is no canonical schema", [problem])
    return canonical_schema(reference.object, reference.range, document)


def _require_known(wanted: str, known: set[str], file: str) -> None:
    """Nobody uses an object that there is not: a slip must not read like a harmless change. Raises: Invalid."""
    if wanted not in known:
        near = get_close_matches(wanted, known, 3)
        remedy = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
        problem = Problem(f"the workspace has no canonical schema {wanted}", "/$id", file, remedy, "canonical-schema")
        raise Invalid(f"{file} changes nothing that there is", [problem])


def _seen(refs: list[str], url: str | None, token: str | None, workspace: Path) -> dict[str, Seen] | None:
    """Users of each contract by name; None without a control plane. One that was asked for must answer."""
    is_asked = url is not None or token is not None
    try:
        with connect(url, token, workspace) as client:
            return {name: seen_users(client, name, DAYS) for name in sorted({ref.partition("@")[0] for ref in refs})}
    except WaybillError:
        if is_asked:
            raise
        return None


def _told(found: Impact, version: ContractVersion | None, seen: dict[str, Seen] | None) -> dict[str, Any]:
    """What an impact is, and whom of those who called that very version it hits, operation by operation."""
    told: dict[str, Any] = msgspec.to_builtins(found)
    if seen is None or version is None:
        return {**told, "consumers": None, "reach": None}
    users = seen[version.contract.contract]
    used = {use.operation for use in found.uses}
    breaks = [change for change in found.changes if change.severity == "major"]
    operations = [operation for operation in version.operations if operation.id in used]
    reached = [_reached(users, version.version, operation, breaks) for operation in operations]
    return {**told, "consumers": _consumers(users, version.version, used), "reach": reached}


def _reached(users: Seen, version: str, operation: Operation, breaks: Sequence[Change]) -> dict[str, Any]:
    from catalog.compatibility.usage import hits, sentence

    callers = users.callers(version, operation.id)
    found = hits(breaks, operation, callers)
    return {
        "operation": operation.id,
        "callers": [each.consumer for each in callers],
        "hit": msgspec.to_builtins(found),
        "sentence": sentence(found, len(callers), DAYS) if breaks else "breaks nobody",
    }


def _consumers(users: Seen, version: str, operations: set[str]) -> list[dict[str, Any]]:
    """Who called an operation that uses the schema, on that very version."""
    told = []
    for user in users.items:
        uses = [use for use in user["uses"] if use["version"] == version and use["operation"] in operations]
        if uses:
            called = {"calls": sum(use["calls"] for use in uses), "operations": sorted(u["operation"] for u in uses)}
            told.append({"consumer": user["consumer"], "owner": user["owner"], **called})
    return told


def _verdict(verdicts: list[str]) -> str:
    return next((each for each in ("incompatible", "unknown") if each in verdicts), "compatible")


def _say(told: dict[str, Any]) -> None:
    if not told["contracts"]:
        say(f"no contract of the workspace uses {told['schema'].partition('@')[0]}")
        return
    for each in told["contracts"]:
        pinned = ", ".join(each["pinned"])
        say(f"{each['contract']} ({each['owner']}), pinned to {pinned}: {each['verdict']}, needs {each['bump']}")
        rows = [(use["direction"], f"{use['method']} {use['path']}", use["pointer"]) for use in each["uses"]]
        say_table(("direction", "operation", "place"), rows)
        for change in each["changes"]:
            say(f"  {change['severity']}: {change['operation']} {change['location']}: {change['message']}")
        for consumer in each["consumers"] or ():
            calls, operations = consumer["calls"], ", ".join(consumer["operations"])
            say(f"  called by {consumer['consumer']} ({consumer['owner']}): {calls} calls of {operations}")
        for reach in each["reach"] or ():
            say(f"  {reach['operation']}: {reach['sentence']}")
            for hit in reach["hit"]:
                places = dict.fromkeys(place["field"] or "every call" for place in hit["places"])
                say(f"    {hit['consumer']}: {', '.join(places)}")
    if told["traffic"] is None:
        say("who calls them is not known here: name a control plane by --url and --token")
    count = len(told["contracts"])
    say(f"{told['verdict']}: {count} contract version{'' if count == 1 else 's'}, at most {told['bump']}")
