"""Where the control plane is and with which token: options, then environment, then the workspace's `.waybill/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from catalog.errors import Invalid
from controlplane.cli.client import Client
from controlplane.keys import write_secret

STATE_DIR = ".waybill"

UrlOption = Annotated[str | None, typer.Option("--url", envvar="WAYBILL_URL", help="Address of the control plane.")]
TokenOption = Annotated[str | None, typer.Option("--token", envvar="WAYBILL_TOKEN", help="A wbt_ token.")]


class Connection(msgspec.Struct, frozen=True):
    """`.waybill/connection.json` of a workspace, 0600."""

    url: str
    token: str


def connection_file(workspace: Path) -> Path:
    return workspace / STATE_DIR / "connection.json"


def save_connection(workspace: Path, connection: Connection) -> None:
    write_secret(connection_file(workspace), msgspec.json.encode(connection))


def connect(url: str | None, token: str | None, workspace: Path | None = None) -> Client:
    """A client for the control plane. What is not given comes from `workspace` or the nearest one above here.

    Raises: Invalid when address or token cannot be found.
    """
    if url is None or token is None:
        saved = _saved(workspace or Path.cwd())
        if saved is None:
            raise Invalid(
                "no control plane is known here: run `waybill up DIR`, stand in a workspace that "
                "runs, or give --url and --token (or WAYBILL_URL and WAYBILL_TOKEN)"
            )
        url, token = url or saved.url, token or saved.token
    return Client(url, token)


def _saved(start: Path) -> Connection | None:
    start = start.resolve()
    for directory in (start, *start.parents):
        path = connection_file(directory)
        if path.is_file():
            try:
                return msgspec.json.decode(path.read_bytes(), type=Connection)
            except (OSError, msgspec.DecodeError) as error:
                raise Invalid(f"{path} cannot be read: {error}") from error
    return None
