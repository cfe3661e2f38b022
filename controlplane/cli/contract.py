"""`waybill contract`: a vendor's document becomes a contract of the workspace, the file kept as it is; versions are
compared (`controlplane.cli.difference`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import typer
from rich.console import Console

from catalog.errors import Conflict, Invalid, Problem
from catalog.note import NoteGroup, grouped
from catalog.pointer import parse
from controlplane.cli.conformance import test
from controlplane.cli.deprecation import deprecate
from controlplane.cli.difference import changelog, diff
from controlplane.cli.importing import Vendored, contract_files, overlay_text, read_vendored, with_version
from controlplane.cli.output import Format, FormatOption, say, say_groups, say_json
from controlplane.cli.readiness import can_i_publish
from controlplane.cli.repin import repin
from controlplane.cli.scaffold import check_slug, scopes
from controlplane.cli.shadow import shadow
from controlplane.cli.usage import users

app = typer.Typer(
    name="contract",
    help="Contracts of a workspace, two versions of any compared, and who uses one.",
    no_args_is_help=True,
    epilog="Example: waybill contract import orders.yaml --domain procurement",
)

_MOST_ROUNDS = 5
_OPERATION = re.compile(r"get|put|post|delete|options|head|patch|trace")


class Report(msgspec.Struct, frozen=True):
    """What an import made. `notes` are grouped by what they say."""

    contract: str
    version: str
    files: tuple[str, ...]
    operations: int
    schemas: int
    named: int  # operations whose name Waybill made
    skipped: tuple[str, ...]  # targets of operations and paths that were left out
    scopes: tuple[str, ...]  # that the document asks for
    notes: tuple[NoteGroup, ...]


app.command("diff")(diff)
app.command("changelog")(changelog)
app.command("users")(users)
app.command("deprecate")(deprecate)
app.command("test")(test)
app.command("can-i-publish")(can_i_publish)
app.command("shadow")(shadow)
app.command("repin")(repin)


@app.callback()
def contract() -> None:
    """Contracts of a workspace, and two versions of any compared."""


@app.command("import")
def import_contract(
    file: Annotated[Path, typer.Argument(help="OpenAPI 2.0, 3.0 or 3.1, in YAML or JSON, up to 16 MiB.")],
    domain: Annotated[str, typer.Option(help="Domain of the contract.")],
    name: Annotated[str | None, typer.Option(help="Name within the domain; default: from the title.")] = None,
    workspace: Annotated[Path, typer.Option(help="The directory that holds waybill.yaml.")] = Path(),
    version: Annotated[str, typer.Option(help="Version of the contract, of your own.")] = "1.0.0",
    upstream: Annotated[
        str | None, typer.Option(help="Address of the system: writes a system and a binding for all entities too.")
    ] = None,
    skip_ungoverned: Annotated[
        bool, typer.Option(help="Leave out operations that cannot be governed, by the overlay, instead of refusing.")
    ] = False,
    output: FormatOption = Format.text,
) -> None:
    """Make a vendor's OpenAPI document a contract of the workspace.

    The file is kept byte for byte; what you have to say about it goes into overlay.yaml beside it (OpenAPI Overlay
    1.0): x-waybill, operationIds, scopes. What cannot be enforced is named; what cannot be governed is refused, and
    then nothing is written.

    Example: waybill contract import stripe.json --domain finance --name stripe --upstream https://api.stripe.com
    """
    from catalog.workspace import read_directory

    with _working() as tell:
        tell(f"reading {file}")
        vendored = read_vendored(file, check_slug(domain, "--domain"), name, version, _address(upstream))
        before = read_directory(workspace)
        made = _made(vendored, before)
        tell("checking operations and compiling schemas")
        made, report = _checked(vendored, before, made, file, skip_ungoverned)
    for path, content in made.items():
        target = workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if output is Format.json:
        say_json(msgspec.to_builtins(report))
    else:
        _say(report, vendored, workspace)


def _address(upstream: str | None) -> str | None:
    if upstream is None:
        return None
    parts = urlsplit(upstream)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Invalid(f"--upstream {upstream!r} is not an address like http://127.0.0.1:9000/base")
    return upstream.rstrip("/")


@contextmanager
def _working() -> Iterator[Any]:
    """A line that tells what is going on, on standard error and only to a terminal."""
    console = Console(stderr=True)
    with console.status("") as status:
        yield lambda text: status.update(text)


def _made(vendored: Vendored, before: dict[str, bytes]) -> dict[str, bytes]:
    """The files to write. Raises: Conflict when the version is there already; Invalid."""
    folder = vendored.folder
    taken = sorted(path for path in before if path.startswith(f"{folder}/{vendored.version}/"))
    if taken:
        raise Conflict(f"{taken[0]} is there already: choose another --version")
    made = {vendored.path: vendored.content}
    known = next((path for path in before if re.fullmatch(re.escape(folder) + r"/contract\.ya?ml", path)), None)
    if known is not None:
        made[known] = with_version(before[known].decode(), vendored.version, known).encode()
    overlays = sorted(path for path in before if re.fullmatch(re.escape(folder) + r"/[^/]+/overlay\.ya?ml", path))
    text = before[overlays[-1]].decode() if overlays else overlay_text(vendored)
    made[vendored.overlay_path] = text.encode()
    made |= {path: text.encode() for path, text in contract_files(vendored).items() if path not in made | before}
    return made


def _checked(
    vendored: Vendored, before: dict[str, bytes], made: dict[str, bytes], file: Path, is_skipping: bool
) -> tuple[dict[str, bytes], Report]:
    """The files, with an overlay that leaves out what cannot be governed when that is asked for, and the report.

    Raises: Invalid when the contract could not be published.
    """
    skipped: list[tuple[str, ...]] = []
    for _ in range(_MOST_ROUNDS):
        problems, loaded = _load({**before, **made}, made, vendored)
        if not problems:
            return made, _report(vendored, made, loaded, skipped)
        more = {place for problem in problems if (place := _operation_of(problem, vendored)) is not None}
        if not is_skipping or not more - set(skipped):
            break
        skipped += sorted(more - set(skipped))
        made = {**made, vendored.overlay_path: overlay_text(vendored, skipped).encode()}
    told = [msgspec.structs.replace(each, file=str(file) if each.file == vendored.path else each.file)
            for each in problems]  # fmt: skip
    count = "1 problem" if len(told) == 1 else f"{len(told)} problems"
    hint = "" if is_skipping else "; mend them in the overlay of your own copy, or leave them out: --skip-ungoverned"
    raise Invalid(f"{file} cannot be governed as it is: {count}; nothing was written{hint}", told)


def _load(files: dict[str, bytes], made: dict[str, bytes], vendored: Vendored) -> tuple[list[Problem], Any]:
    """Problems of what was made, and the workspace when there is none at all."""
    from controlplane.registry.candidate import load_workspace

    try:
        return [], load_workspace(files)
    except Invalid as error:
        own = [problem for problem in error.problems if problem.file in made or vendored.ref in problem.message]
        if own:
            return own, None
        others = "the workspace has problems of its own: see `waybill lint`, mend them first"
        raise Invalid(f"{others}; nothing was written", error.problems) from error


def _operation_of(problem: Problem, vendored: Vendored) -> tuple[str, ...] | None:
    """The path, or path and method, in which a problem of the document lies."""
    tokens = parse(problem.pointer)
    if problem.file != vendored.path or tokens[:1] != ("paths",) or len(tokens) < 2:
        return None
    return tokens[:3] if len(tokens) > 2 and _OPERATION.fullmatch(tokens[2]) else tokens[:2]


def _report(vendored: Vendored, made: dict[str, bytes], loaded: Any, skipped: list[tuple[str, ...]]) -> Report:
    version = loaded.version(vendored.ref)
    notes = [note for note in loaded.notes if note.file == vendored.path]
    components = version.document.get("components", {})
    return Report(
        vendored.contract,
        vendored.version,
        tuple(sorted(made)),
        len(version.operations),
        len(components.get("schemas", {})),
        sum(note.rule == "operation-named" for note in notes),
        tuple(" ".join((*reversed(place[2:]), place[1])) for place in skipped),
        tuple(scopes(version.document)),
        tuple(grouped(notes)),
    )


def _say(report: Report, vendored: Vendored, workspace: Path) -> None:
    say(f"{vendored.ref}: {report.operations} operations, {report.schemas} schemas")
    for path in report.files:
        say(f"  {path}")
    for rule, title in (
        ("operation-named", "named by Waybill (an operationId in the overlay is better)"),
        ("not-enforced", "declared, and not enforced by the gateway"),
    ):
        groups = [group for group in report.notes if group.rule == rule]
        if groups:
            say(f"{title}:")
            say_groups(groups)
    if report.skipped:
        say(f"left out by the overlay, and so answered 404 or 405: {len(report.skipped)}")
        for place in report.skipped:
            say(f"  {place}")
    if report.scopes:
        say(f"scopes that it asks for, to be granted to consumers: {' '.join(report.scopes)}")
    say("\nnext:")
    say(f"  {workspace / vendored.overlay_path}   # say what its calls mean, before you publish")
    say(f"  waybill plan {workspace}")
