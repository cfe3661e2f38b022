"""A workspace: the files an architect keeps (design §3), loaded as a whole or refused with everything that is wrong.

    waybill.yaml                                         {workspace: NAME, include: [procure-to-pay]}
    contracts/<domain>/<object>/contract.yaml            + <version>/openapi.yaml, or asyncapi.yaml for events
    schemas/<object>/<version>.json                      + schema.yaml: owner and steward
    entities/ templates/ calendars/ systems/ consumers/  one object a file
    bindings/ records/ policies/ measures/               a list, or one object, a file
    slos/                                                OpenSLO documents
    waivers/                                             a list a file: changes let through on purpose
    governance.yaml                                      approvals; may be absent

`include` adds the built-in library. An SLO or a measure of the same name, and a policy named like a bundled one,
replaces it, as does a schema.yaml; contracts and schemas are never replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from catalog.document import MOST_BYTES, Unreadable, parse_document
from catalog.envelope import Envelope
from catalog.errors import Invalid, Problem
from catalog.inventory import FOLDERS, GOVERNANCE, LIBRARIES, LIBRARY_PREFIX, SETTINGS, SUFFIXES, ConfigCheck, Workspace
from catalog.loading import Loader, named_files
from catalog.snapshot import Published


def load(
    files: Mapping[str, bytes],
    *,
    policy_kinds: Mapping[str, ConfigCheck] | None = None,
    unshadowable: Collection[str] = (),
    bundle: Sequence[Envelope] = (),
    published: Mapping[str, Published] | None = None,
) -> Workspace:
    """Load a workspace from its files (path relative to the workspace -> content).

    `policy_kinds` are the known policies and the checks of their configs (None: not checked here), `unshadowable`
    those that must enforce, `bundle` the envelopes that apply unless replaced, `published` what is published already
    (its pins are kept). Raises `Invalid` with every problem of every file.
    """
    marked = [
        Problem("not a path of a workspace", file=path, remedy="rename it")
        for path in files
        if path.startswith(LIBRARY_PREFIX)
    ]
    if marked:
        raise Invalid("workspace refused", marked)
    loader = Loader({**library_files(_includes(files)), **files}, policy_kinds, unshadowable, bundle, published or {})
    workspace, problems = loader.load()
    if problems:
        raise Invalid(f"workspace refused: {len(problems)} problem(s)", problems)
    return workspace


def _includes(files: Mapping[str, bytes]) -> list[str]:
    """What `waybill.yaml` includes, as far as it can be read; the loader reports the rest."""
    documents, _ = parse_document(files.get(SETTINGS, b""), SETTINGS)
    include = documents[0].get("include") if documents and isinstance(documents[0], dict) else None
    return [name for name in include if isinstance(name, str)] if isinstance(include, list) else []


def library_files(include: Sequence[str]) -> dict[str, bytes]:
    """The files of the built-in libraries that are included, their paths marked as such."""
    found: dict[str, bytes] = {}
    for name in include:
        folder = LIBRARIES.get(name)
        if folder is not None:
            found |= {
                LIBRARY_PREFIX + path: data for path, data in _read_folders(Path(__file__).parent / folder).items()
            }
    return found


def read_directory(path: str | Path) -> dict[str, bytes]:
    """The files of a workspace directory: those of the known folders, and the files that policies name.

    Nothing else is read, so that what lies beside a workspace (secrets, data) never travels. Raises `Invalid` when
    there is no workspace.
    """
    root = Path(path)
    settings = root / SETTINGS
    if not settings.is_file():
        what = "is not a workspace" if root.is_dir() else "is not a directory" if root.exists() else "does not exist"
        remedy = "run `waybill init` there, or name the workspace's directory"
        raise Invalid(f"{path} {what}", [Problem("file is missing", file=SETTINGS, remedy=remedy)])
    files = {SETTINGS: _read(settings), **_read_folders(root)}
    if (root / GOVERNANCE).is_file():
        files[GOVERNANCE] = _read(root / GOVERNANCE)
    for name in sorted(_named_by_policies(files) - files.keys()):
        place = (root / name).resolve()
        if place.is_relative_to(root.resolve()) and place.is_file():
            files[name] = _read(place)
    return files


def _read_folders(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): _read(path)
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*"))
        if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink()
    }


def _read(path: Path) -> bytes:
    """At most one byte more than is allowed: the loader says that it is too large, or could not be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        return Unreadable.because(error.strerror or type(error).__name__)


def _named_by_policies(files: Mapping[str, bytes]) -> set[str]:
    names: set[str] = set()
    for path, data in files.items():
        if path.startswith("policies/"):
            documents, _ = parse_document(data, path)
            names |= {name for document in documents for _, name in named_files(document)}
    return names


__all__ = ["ConfigCheck", "Published", "Workspace", "library_files", "load", "read_directory"]
