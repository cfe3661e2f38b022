"""`waybill token`: people's access to the control plane."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from controlplane.cli.client import segment
from controlplane.cli.completion import names
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.duration import ExpiresOption, expiry
from controlplane.cli.output import Format, FormatOption, moment, remark, say, say_json, say_table

app = typer.Typer(
    name="token",
    help="Tokens of people and their roles.",
    no_args_is_help=True,
    epilog='Example: waybill token create "finance dashboard" --role executive --entity lakeside --expires 30d',
)


class RoleName(StrEnum):
    executive = "executive"
    operator = "operator"
    approver = "approver"
    steward = "steward"
    architect = "architect"
    admin = "admin"
    viewer = "viewer"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whom or what the token is for.")],
    role: Annotated[RoleName, typer.Option(help="What it may do; viewer is the former name of executive.")],
    entity: Annotated[
        list[str] | None,
        typer.Option(
            help="A legal entity that it acts for, with all below it; repeatable. Default: all.",
            autocompletion=names("entities"),
        ),
    ] = None,
    expires: ExpiresOption = "",
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Make a token; it is shown this once.

    Executives read figures and the audit; operators settle; approvers and stewards answer proposals; architects
    publish, issue keys and enrol gateways; an admin may do all of it and makes tokens.

    Example: waybill token create "finance dashboard" --role executive --entity lakeside --expires 30d
    """
    wanted: dict[str, Any] = {"name": name, "role": role.value}
    if entity:
        wanted["entities"] = entity
    if expires:
        wanted["expires_at"] = expiry(expires, "--expires")
    with connect(url, token) as client:
        issued = client.post("/tokens", wanted)
        known = {item["entity"] for item in client.get("/entities")["items"]} if entity else set()
    for unknown in [each for each in entity or () if each not in known | {"*"}]:
        remark(f"no legal entity {unknown!r} is in force: until one is published, the token sees nothing of it")
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
        ["id", "name", "role", "entities", "created", "by", "expires", "last used", "revoked"],
        (
            [
                item["token_id"],
                item["name"],
                item["role"],
                " ".join(item["entities"]),
                moment(item["created_us"]),
                item["created_by"],
                moment(item["expires_us"]),
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
    output: FormatOption = Format.text,
) -> None:
    """Revoke a token at once.

    Example: waybill token revoke 4k2v9x0a
    """
    with connect(url, token) as client:
        client.delete(f"/tokens/{segment(token_id)}")
    if output is Format.json:
        say_json({"token_id": token_id, "state": "revoked"})
    else:
        say(f"token {token_id} revoked")
