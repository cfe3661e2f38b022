"""`waybill consumer key`: API keys of client systems."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from controlplane.cli.client import segment
from controlplane.cli.completion import names
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.duration import ExpiresOption, duration_s, expiry
from controlplane.cli.output import Format, FormatOption, moment, remark, say, say_json, say_table

app = typer.Typer(
    name="consumer",
    help="Client systems that call through the gateway.",
    no_args_is_help=True,
    epilog="Example: waybill consumer key issue ap-automation",
)
key = typer.Typer(
    name="key",
    help="API keys of a consumer.",
    no_args_is_help=True,
    epilog="Example: waybill consumer key list ap-automation",
)
app.add_typer(key)

ConsumerArgument = Annotated[
    str, typer.Argument(help="Id of the consumer, as in consumers/<id>.yaml.", autocompletion=names("consumers"))
]


@key.command("issue")
def issue(
    consumer: ConsumerArgument,
    expires: ExpiresOption = "",
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Issue an API key; it is shown this once. Earlier keys stay valid, so that a rotation can overlap.

    Example: waybill consumer key issue ap-automation --expires 90d
    waybill consumer key issue ap-automation --expires 2030-01-31T00:00:00Z
    """
    body = {"expires_at": expiry(expires, "--expires")}
    with connect(url, token) as client:
        issued = client.post(f"/consumers/{segment(consumer)}/keys", body)
    if output is Format.json:
        say_json(issued)
    else:
        say(issued["key"])


@key.command("rotate")
def rotate(
    consumer: ConsumerArgument,
    overlap: Annotated[
        str, typer.Option(help="How long the keys before stay valid: 30m, 12h, 7d; 0 ends them.")
    ] = "7d",
    expires: ExpiresOption = "",
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Issue a new API key, shown this once, and let all earlier ones end after an overlap.

    Example: waybill consumer key rotate ap-automation --overlap 7d
    """
    body: dict[str, Any] = {"overlap_s": duration_s(overlap, "--overlap"), "expires_at": expiry(expires, "--expires")}
    with connect(url, token) as client:
        rotated = client.post(f"/consumers/{segment(consumer)}/keys/rotate", body)
    if output is Format.json:
        say_json(rotated)
        return
    say(rotated["key"])
    remark(f"{', '.join(rotated['replaced'])} end by {rotated['replaced_end_at']}")


@key.command("list")
def list_all(
    consumer: ConsumerArgument, url: UrlOption = None, token: TokenOption = None, output: FormatOption = Format.text
) -> None:
    """List a consumer's keys, without their secrets.

    Example: waybill consumer key list ap-automation
    """
    with connect(url, token) as client:
        items = client.get(f"/consumers/{segment(consumer)}/keys")["items"]
    if output is Format.json:
        say_json(items)
        return
    say_table(
        ["key", "state", "issued", "by", "expires", "revoked"],
        (
            [
                item["key_id"],
                item["state"],
                moment(item["created_us"]),
                item["created_by"],
                item["expires_at"],
                moment(item["revoked_us"]),
            ]
            for item in items
        ),
    )


@key.command("revoke")
def revoke(
    consumer: ConsumerArgument,
    key_id: Annotated[str, typer.Argument(help="Id of the key: the 8 characters after `wbk_`.")],
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Revoke a key; gateways refuse it as soon as they run the new snapshot.

    Example: waybill consumer key revoke ap-automation 4k2v9x0a
    """
    with connect(url, token) as client:
        client.delete(f"/consumers/{segment(consumer)}/keys/{segment(key_id)}")
    if output is Format.json:
        say_json({"consumer": consumer, "key_id": key_id, "state": "revoked"})
    else:
        say(f"key {key_id} of {consumer} revoked")
