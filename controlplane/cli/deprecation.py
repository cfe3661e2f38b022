"""`waybill contract deprecate`: in the files of a workspace, or on a control plane."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from catalog.errors import Conflict, Invalid, NotFound
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, say, say_json, say_problems


def deprecate(
    contract: Annotated[str, typer.Argument(help="NAME@VERSION, such as payables.invoices@1.0.0.")],
    sunset: Annotated[
        str, typer.Option(help="The day from which it answers no more, such as 2027-06-30; default: 90 days from now.")
    ] = "",
    successor: Annotated[
        str, typer.Option(help="VERSION or NAME@VERSION to use instead; default: the highest published one.")
    ] = "",
    workspace: Annotated[
        Path | None, typer.Option(help="Change contract.yaml in this workspace; nothing is published.")
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Deprecate a version of a contract: gateways announce its sunset and its successor.

    With --workspace only its contract.yaml is changed: `waybill plan` and `apply` come next. Without, the control
    plane deprecates the version in force, or files a proposal where that needs approval; carry the change into the
    workspace then, since the next apply says again what its files say.

    Example: waybill contract deprecate payables.invoices@1.0.0 --sunset 2027-06-30 --workspace network
    """
    name, at, version = contract.partition("@")
    if not (name and at and version):
        raise Invalid(f"{contract!r} is not NAME@VERSION, such as payables.invoices@1.0.0")
    if workspace is not None:
        _in_files(workspace, name, version, sunset, successor, output)
    else:
        _in_force(name, version, {"sunset": sunset, "successor": successor}, url, token, output)


def _in_force(
    name: str, version: str, wanted: dict[str, str], url: str | None, token: str | None, output: Format
) -> None:
    from controlplane.cli.workspace import say_applied  # which imports the group that this command is in

    try:
        with connect(url, token) as client:
            done = client.post(f"/contracts/{name}/{version}/deprecation", wanted)
    except Conflict as error:
        say(f"refused: {error.detail}")
        say_problems(error.problems)
        raise typer.Exit(1) from error
    if output is Format.json:
        say_json(done)
        return
    say_applied(done)
    say(f"carry it into the workspace: waybill contract deprecate {name}@{version} … --workspace DIR")


def _in_files(directory: Path, name: str, version: str, sunset: str, successor: str, output: Format) -> None:
    from catalog.workspace import read_directory
    from controlplane.registry.candidate import load_workspace
    from controlplane.registry.deprecation import Deprecation, deprecated_state

    files = read_directory(directory)
    loaded = load_workspace(files)
    contract = loaded.contracts.get(name)
    if contract is None or version not in contract.versions:
        raise NotFound(f"{directory} holds no version {version} of {name!r}")
    file = loaded.sources[f"contract/{name}"]
    if file not in files:
        raise Invalid(f"{name} comes with the library, whose files are no part of {directory}: deprecate it by --url")
    today = datetime.now(UTC).date()
    state = deprecated_state(contract, version, Deprecation(sunset, successor), today)
    if str(state.sunset_at) < today.isoformat():
        raise Invalid(f"the sunset {sunset} lies before today")
    text = _replaced(files[file].decode(), version, msgspec.to_builtins(state), file)
    load_workspace({**files, file: text.encode()})
    (directory / file).write_text(text)
    if output is Format.json:
        say_json({"file": file, "version": version, **msgspec.to_builtins(state)})
    else:
        say(f"{file}: {version} is deprecated, sunset {str(state.sunset_at)[:10]}, successor {state.successor}")
        say(f"  waybill plan {directory}")


def _replaced(text: str, version: str, state: dict[str, Any], file: str) -> str:
    """The file with the state of one version replaced; all else, comments too, stays as it is. YAML and JSON alike."""
    import yaml

    node = _member(_member(yaml.compose(text, yaml.SafeLoader), "versions"), version)
    if node is None:
        raise Invalid(f"{file} does not list version {version} where it can be changed")
    told = ", ".join(f'"{key}": "{value}"' for key, value in state.items())
    return text[: node.start_mark.index] + "{" + told + "}" + text[_end(node) :]


def _end(node: Any) -> int:
    """Where a node ends. A block ends with its last value: the parser counts comments behind it in."""
    is_block = isinstance(node.value, list) and node.value and not node.flow_style
    if not is_block:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _member(node: Any, name: str) -> Any:
    pairs = node.value if node is not None and isinstance(node.value, list) else ()
    return next((value for key, value in pairs if key.value == name), None)
