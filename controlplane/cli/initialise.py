"""`waybill init`: a new workspace, empty over the built-in library or around the reader's own OpenAPI document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from catalog.errors import Conflict, Invalid, Problem
from controlplane.cli.editor import modeline, write_schemas
from controlplane.cli.importing import read_document, title_of
from controlplane.cli.output import Format, FormatOption, say, say_json
from controlplane.cli.scaffold import IGNORE_FILE, Imported, check_slug, library_workspace, openapi_workspace, slug
from controlplane.cli.workspace import own_notes, say_notes


def init(
    directory: Annotated[Path, typer.Argument(help="Directory of the new workspace; it must not hold one yet.")],
    openapi: Annotated[
        Path | None, typer.Option(help="Your OpenAPI 2.0, 3.0 or 3.1 document (YAML or JSON) to be governed.")
    ] = None,
    upstream: Annotated[str | None, typer.Option(help="Address of the system that serves it.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the contract; default: from the document's title.")] = None,
    domain: Annotated[str, typer.Option(help="Domain of the contract.")] = "integration",
    output: FormatOption = Format.text,
) -> None:
    """Write a new workspace: commented YAML files that `waybill up` runs at once.

    Without --openapi it builds on the built-in procure-to-pay library. With --openapi your document becomes a
    contract, kept byte for byte; what in it cannot be checked is named, what cannot be governed is refused.

    Examples: waybill init network
    waybill init shop --openapi orders.yaml --upstream http://127.0.0.1:9000
    """
    if (directory / "waybill.yaml").exists():
        raise Conflict(f"{directory} holds a workspace already")
    workspace_name = slug(directory.resolve().name) or "workspace"
    if openapi is None:
        if upstream is not None or name is not None:
            raise Invalid("--upstream and --name go with --openapi")
        files = library_workspace(workspace_name)
    else:
        imported = _read(openapi, upstream, name, domain)
        files = openapi_workspace(workspace_name, imported)
    notes = _check(files, {} if openapi is None else {imported.path: str(openapi)})
    _write(directory, {path: _named(path, text) for path, text in files.items()})
    write_schemas(directory)
    if output is Format.json:
        say_json({"workspace": str(directory), "files": sorted(files), "notes": msgspec.to_builtins(notes)})
    else:
        _say_result(directory, sorted(files), notes)


def _read(path: Path, upstream: str | None, name: str | None, domain: str) -> Imported:
    """Raises: Invalid."""
    if upstream is None:
        raise Invalid("--openapi needs --upstream: the address of the system that serves this API")
    parts = urlsplit(upstream)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Invalid(f"--upstream {upstream!r} is not an address like http://127.0.0.1:9000/base")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    suffix = ".json" if path.suffix.lower() == ".json" else ".yaml"
    document = read_document(content, suffix, path)
    title = title_of(document, path)
    return Imported(
        document,
        content.decode("utf-8"),
        suffix,
        check_slug(domain, "--domain"),
        check_slug(name, "--name") if name is not None else _name(title, path),
        upstream.rstrip("/"),
        title,
    )


def _name(title: str, path: Path) -> str:
    name = slug(title)
    if not name:
        raise Invalid(f"{path}: its title {title!r} gives no name for the contract: add --name, such as --name orders")
    return name


def _check(files: dict[str, str], given: dict[str, str]) -> tuple[Problem, ...]:
    """What the new workspace declares and nobody enforces. `given`: path in the workspace -> the reader's own file.

    Raises: Invalid when it could not be published.
    """
    from controlplane.registry.candidate import load_workspace

    try:
        loaded = load_workspace({path: text for path, text in files.items() if path != IGNORE_FILE})
    except Invalid as error:
        problems = [msgspec.structs.replace(each, file=given.get(each.file, each.file)) for each in error.problems]
        where = ", ".join(given.values()) or "the new workspace"
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Invalid(f"{where} cannot be governed as it is: {count}; nothing was written", problems) from error
    return own_notes(loaded.notes)


def _named(path: str, text: str) -> str:
    """`text` with the schema of the file named in its first line, for editors."""
    line = modeline(path)
    return f"{line}\n{text}" if line else text


def _write(directory: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())


def _say_result(directory: Path, paths: list[str], notes: tuple[Problem, ...]) -> None:
    say(f"workspace {directory}:")
    for path in paths:
        say(f"  {path}")
    say_notes(notes)
    say(f"\nnext:\n  waybill up {directory}                   # run it; prints a ready curl command")
    say(f"  waybill lint {directory}                 # check it without running anything")
    say(f"  waybill apply {directory}                # after a change, while it runs")
