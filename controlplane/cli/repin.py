"""`waybill contract repin`: the next version of a contract takes a newer canonical schema over, as a draft.

What is published keeps its pins for good; taking a newer schema over is a release of its own. Its number is the least
that the law of releases asks for.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from catalog.errors import Conflict, Invalid, NotFound
from catalog.version import following, version_key
from controlplane.cli.importing import with_version
from controlplane.cli.output import Format, FormatOption, say, say_json

if TYPE_CHECKING:
    from catalog.contract import ContractVersion
    from catalog.inventory import Workspace

_DOCUMENT = re.compile(r"contracts/([^/]+)/([^/]+)/([^/]+)/(?:openapi|asyncapi)\.(?:ya?ml|json)")
_CHANGES = "CHANGES.md"


class Repinned(msgspec.Struct, frozen=True):
    """A new draft, and the files that it is made of."""

    contract: str
    previous: str  # version
    version: str
    bump: str  # that taking the schemas over asks for
    schemas: tuple[str, ...]  # taken over, "invoice@1.1.0"
    files: tuple[str, ...]


class Skipped(msgspec.Struct, frozen=True):
    contract: str
    why: str


class _Desk(NamedTuple):
    """A workspace in which what is published keeps the pins that it had before the wanted schemas came."""

    files: dict[str, bytes]
    wanted: dict[str, str]  # business object -> version to take over
    loaded: Workspace


def repin(
    names: Annotated[list[str] | None, typer.Argument(help="Contracts, such as finance.invoices.")] = None,
    schema: Annotated[
        list[str] | None,
        typer.Option(help="Canonical schema to take over, such as invoice@1.1.0; default: the newest."),
    ] = None,
    all_reached: Annotated[
        bool, typer.Option("--all-reached", help="Every contract that a newer one reaches.")
    ] = False,
    workspace: Annotated[Path, typer.Option(help="The directory that holds waybill.yaml.")] = Path(),
    output: FormatOption = Format.text,
) -> None:
    """Write the next version of contracts, which takes newer canonical schemas over, as drafts.

    A copy of the highest version in force with its references raised, under the least number that the change asks
    for, in state draft, with the changes in CHANGES.md beside it. Nothing that is there is replaced.

    Example: waybill contract repin finance.invoices --schema invoice@1.1.0
    waybill contract repin --all-reached --workspace network
    """
    if bool(names) == all_reached:
        raise Invalid("name contracts, or say --all-reached")
    desk = _desk(workspace, schema or [])
    done: list[Repinned] = []
    skipped: list[Skipped] = []
    for name in names or sorted(desk.loaded.contracts):
        try:
            report, made = _repinned(desk, name)
        except (Conflict, NotFound) as error:
            if not all_reached:
                raise
            skipped.append(Skipped(name, error.detail))
            continue
        if report is not None:
            _write(workspace, made)
            done.append(report)
        elif not all_reached:
            raise Conflict(f"{name} has no newer canonical schema to take over")
    if output is Format.json:
        say_json({"drafts": msgspec.to_builtins(done), "skipped": msgspec.to_builtins(skipped)})
    else:
        _say(done, skipped, workspace)


# ---- what there is


def _desk(directory: Path, asked: list[str]) -> _Desk:
    from catalog.snapshot import Published
    from catalog.workspace import read_directory
    from controlplane.registry.candidate import load_workspace

    files = read_directory(directory)
    schemas = load_workspace(files).schemas
    wanted = _wanted(list(schemas), asked)
    older = [
        key for key in schemas if (each := key.partition("@"))[0] in wanted and _is_below(each[2], wanted[each[0]])
    ]
    published = {
        f"contract/{found[1]}.{found[2]}@{found[3]}": Published("", pins=dict.fromkeys(older, ""))
        for path in files
        if (found := _DOCUMENT.fullmatch(path))
    }
    return _Desk(files, wanted, load_workspace(files, published))


def _wanted(keys: list[str], asked: list[str]) -> dict[str, str]:
    """Of each business object the version that is asked for, or the newest."""
    for key in asked:
        if key not in keys:
            raise NotFound(f"no canonical schema {key} in the workspace; write OBJECT@VERSION, such as invoice@1.1.0")
    found: dict[str, str] = {}
    for key in asked or keys:
        name, _, version = key.partition("@")
        found[name] = max(version, found.get(name, version), key=version_key)
    return found


def _is_below(version: str, other: str) -> bool:
    return version_key(version) < version_key(other)


# ---- the next version


def _repinned(desk: _Desk, name: str) -> tuple[Repinned | None, dict[str, bytes]]:
    """A draft's report and files; None when nothing newer reaches the contract. Raises: Conflict; NotFound."""
    base = _base(desk, name)
    taken = {key.partition("@")[0] for key in base.pins} & desk.wanted.keys()
    newer = {each: desk.wanted[each] for each in taken if f"{each}@{desk.wanted[each]}" not in base.pins}
    newer = {each: version for each, version in newer.items() if _is_newer(base, each, version)}
    if not newer:
        return None, {}
    folder = f"contracts/{name.replace('.', '/', 1)}"
    if f"{folder}/contract.yaml" not in desk.files:
        raise Conflict(
            f"{name} is no file of this workspace but of the built-in library: it comes with a release of that"
        )
    trial = _free(desk, folder, base.version)
    needed = _needed(desk, name, _files(desk, folder, base.version, trial, newer), trial)
    version = following(base.version, needed if needed != "none" else "patch")
    there = sorted(path for path in desk.files if path.startswith(f"{folder}/{version}/"))
    if there:
        raise Conflict(f"{there[0]} is there already: {name}@{version} is what taking over would make")
    made = _files(desk, folder, base.version, version, newer)
    loaded = _load(desk, made)
    draft = loaded.version(f"{name}@{version}")
    keys = tuple(sorted(f"{each}@{number}" for each, number in newer.items()))
    if draft is None or not draft.pins.keys() & set(keys):
        raise Conflict(f"{base.ref} leans on {', '.join(keys)} through another schema only: raise that one first")
    changes = _changelog(base, draft, loaded)
    made[f"{folder}/{version}/{_CHANGES}"] = changes.encode()
    return Repinned(name, base.version, version, needed, keys, tuple(sorted(made))), made


def _free(desk: _Desk, folder: str, base: str) -> str:
    """A number after `base`, in its line, that nobody has: to be judged by."""
    number = following(base, "patch")
    while any(path.startswith(f"{folder}/{number}/") for path in desk.files):
        number = following(number, "patch")
    return number


def _base(desk: _Desk, name: str) -> ContractVersion:
    versions = [each for each in desk.loaded.versions if each.contract.contract == name]
    answering = [each for each in versions if each.state.state in ("published", "deprecated")]
    if not answering:
        raise NotFound(f"no version of {name} is published in this workspace")
    return max(answering, key=lambda each: version_key(each.version))


def _is_newer(base: ContractVersion, name: str, version: str) -> bool:
    return all(_is_below(key.partition("@")[2], version) for key in base.pins if key.partition("@")[0] == name)


def _files(desk: _Desk, folder: str, base: str, version: str, newer: dict[str, str]) -> dict[str, bytes]:
    """The base's documents with raised references, and contract.yaml with one more draft."""
    contract = f"{folder}/contract.yaml"
    made = {contract: with_version(desk.files[contract].decode(), version, contract, "draft").encode()}
    for path in [path for path in desk.files if path.startswith(f"{folder}/{base}/")]:
        text = desk.files[path].decode()
        for name, number in newer.items():
            text = re.sub(rf"(canonical:{re.escape(name)}@\^?)[0-9]+(?:\.[0-9]+)*", rf"\g<1>{number}", text)
        own = rf"(\bversion[\"']?\s*:\s*[\"']?){re.escape(base)}\b"
        made[path.replace(f"/{base}/", f"/{version}/")] = re.sub(own, rf"\g<1>{version}", text, count=1).encode()
    return made


def _load(desk: _Desk, made: dict[str, bytes]) -> Workspace:
    from catalog.snapshot import Published
    from controlplane.registry.candidate import load_workspace

    kept = {f"contract/{each.ref}": Published("", pins=each.pins) for each in desk.loaded.versions}
    return load_workspace({**desk.files, **made}, kept)


def _needed(desk: _Desk, name: str, made: dict[str, bytes], version: str) -> str:
    """The least bump that the law asks for."""
    from datetime import UTC, datetime

    from catalog.compatibility.governing import releases

    loaded = _load(desk, made)
    others = {f"contract/{each.ref}" for each in loaded.versions} | {f"schema/{key}" for key in loaded.schemas}
    (found,) = releases(loaded, others - {f"contract/{name}@{version}"}, datetime.now(UTC))
    return found.needed


def _changelog(base: ContractVersion, draft: ContractVersion, loaded: Workspace) -> str:
    from catalog.compatibility.contract import compare_contracts
    from catalog.compatibility.embedding import self_contained
    from controlplane.cli.difference import Versions, changelog_text

    old, new = (self_contained(each.document, loaded.schemas) for each in (base, draft))
    return f"{changelog_text(Versions(old, new, compare_contracts(old, new, policy=draft.contract.policy)))}\n"


def _write(directory: Path, made: dict[str, bytes]) -> None:
    for path, content in made.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _say(done: list[Repinned], skipped: list[Skipped], workspace: Path) -> None:
    for each in done:
        say(f"{each.contract}@{each.version}, a draft after {each.previous}: takes {', '.join(each.schemas)} over")
        say(f"  needs at least {'a patch' if each.bump == 'none' else each.bump}; written:")
        for path in each.files:
            say(f"  {path}")
    for one in skipped:
        say(f"left as it is: {one.why}")
    if done:
        say(f"\nnext:\n  waybill plan {workspace}   # then apply: drafts run in shadow until they are published")
    elif not skipped:
        say("no contract has a newer canonical schema to take over")
