"""`waybill token`: people's access to the control plane."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from controlplane.cli.client import segment
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, moment, say, say_json, say_table

app = typer.Typer(
    name="token",
    help="Tokens of people and their roles.",
    no_args_is_help=True,
    epilog='Example: waybill token create "finance dashboard" --role viewer',
)


class RoleName(StrEnum):
    viewer = "viewer"
    operator = "operator"
    architect = "architect"
    admin = "admin"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whom or what the token is for.")],
    role: Annotated[RoleName, typer.Option(help="What it may do; each role includes the ones before it.")],
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Make a token; it is shown this once.

    Example: waybill token create "finance dashboard" --role viewer
    """
    with connect(url, token) as client:
        issued = client.post("/tokens", {"name": name, "role": role.value})
    if output is Format.json:
        say_json(issued)
    else:
        say(issued["token"])


@app.command("list")
def list_all(url: UrlOption = None, token: TokenOption = None, output: FormatOption = Format.text) -> None:
    """List all tokens, without their secrets.

    Example: waybill token list --format json
    """
    with connect(url, token) as client:
        items = client.get("/tokens")["items"]
    if output is Format.json:
        say_json(items)
        return
    say_table(
        ["id", "name", "role", "created", "by", "last used", "revoked"],
        (
            [
                item["token_id"],
                item["name"],
                item["role"],
                moment(item["created_us"]),
                item["created_by"],
                moment(item["last_used_us"]),
                moment(item["revoked_us"]),
            ]
            for item in items
        ),
    )


@app.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="Id of the token, from `waybill token list`.")],
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Revoke a token at once.

    Example: waybill token revoke 4k2v9x0a
    """
    with connect(url, token) as client:
        client.delete(f"/tokens/{segment(token_id)}")
    say(f"token {token_id} revoked")
