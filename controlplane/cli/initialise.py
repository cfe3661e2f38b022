"""`waybill init`: a new workspace, empty over the built-in library or around the reader's own OpenAPI document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from catalog.document import parse_document
from catalog.errors import Conflict, Invalid, Problem
from controlplane.cli.output import say, say_problems
from controlplane.cli.scaffold import IGNORE_FILE, Imported, check_slug, library_workspace, openapi_workspace, slug
from controlplane.cli.workspace import own_notes


def init(
    directory: Annotated[Path, typer.Argument(help="Directory of the new workspace; it must not hold one yet.")],
    openapi: Annotated[
        Path | None, typer.Option(help="Your OpenAPI 3.0 or 3.1 document (YAML or JSON) to be governed.")
    ] = None,
    upstream: Annotated[str | None, typer.Option(help="Address of the system that serves it.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the contract; default: from the document's title.")] = None,
    domain: Annotated[str, typer.Option(help="Domain of the contract.")] = "integration",
) -> None:
    """Write a new workspace: commented YAML files that `waybill up` runs at once.

    Without --openapi it builds on the built-in procure-to-pay library. With --openapi your document becomes a
    contract, kept byte for byte; what in it cannot be enforced is named or refused.

    Examples: waybill init network
    waybill init shop --openapi orders.yaml --upstream http://127.0.0.1:9000
    """
    if (directory / "waybill.yaml").exists():
        raise Conflict(f"{directory} holds a workspace already")
    workspace_name = slug(directory.resolve().name)
    if openapi is None:
        if upstream is not None or name is not None:
            raise Invalid("--upstream and --name go with --openapi")
        files = library_workspace(workspace_name)
    else:
        imported = _read(openapi, upstream, name, domain)
        files = openapi_workspace(workspace_name, imported)
    notes = _check(files)
    _write(directory, files)
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
    document = _parse(content, f"openapi{suffix}", path)
    title = _title(document, path)
    return Imported(
        document,
        content.decode("utf-8"),
        suffix,
        check_slug(domain, "--domain"),
        check_slug(name, "--name") if name is not None else slug(title),
        upstream.rstrip("/"),
        title,
    )


def _parse(content: bytes, file: str, path: Path) -> dict[str, Any]:
    documents, problems = parse_document(content, file)
    if problems:
        raise Invalid(f"{path} cannot be read", problems)
    document = documents[0] if len(documents) == 1 else None
    version = str(document.get("openapi", "")) if isinstance(document, dict) else ""
    if not isinstance(document, dict) or not version.startswith(("3.0", "3.1")):
        raise Invalid(f"{path} is not an OpenAPI 3.0 or 3.1 document")
    return document


def _title(document: dict[str, Any], path: Path) -> str:
    info = document.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    return str(title) if title else path.stem


def _check(files: dict[str, str]) -> tuple[Problem, ...]:
    """What the new workspace declares and nobody enforces. Raises: Invalid when it could not be published."""
    from controlplane.registry.candidate import load_workspace

    loaded = load_workspace({path: text for path, text in files.items() if path != IGNORE_FILE})
    return own_notes(loaded.notes)


def _write(directory: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())


def _say_result(directory: Path, paths: list[str], notes: tuple[Problem, ...]) -> None:
    say(f"workspace {directory}:")
    for path in paths:
        say(f"  {path}")
    if notes:
        say("\ndeclared in the document, and not enforced by the gateway:")
        say_problems(notes)
    say(f"\nnext:\n  waybill up --workspace {directory}       # run it; prints a ready curl command")
    say(f"  waybill lint {directory}                 # check it without running anything")
    say(f"  waybill apply {directory}                # after a change, while it runs")
