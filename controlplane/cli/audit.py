"""`waybill audit`: checks what the gateways have written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer

from catalog.errors import Conflict
from catalog.synthetic import is_synthetic
from controlplane.audit import StreamHead, Verdict, verify_stream
from controlplane.cli.client import Client
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, moment, say, say_json, say_table
from controlplane.cli.progress import Step, progress

PAGE = 2_000

app = typer.Typer(
    name="audit",
    help="What people did; whether the gateways' journals are whole.",
    no_args_is_help=True,
    epilog="Example: waybill audit verify",
)


@app.callback()
def group() -> None:
    """What people did; whether the gateways' journals are whole."""


@app.command("list")
def list_all(
    who: Annotated[str | None, typer.Option(help="Only acts of this person.")] = None,
    what: Annotated[str | None, typer.Option(help='Only these acts; "token." for all about tokens.')] = None,
    target: Annotated[str | None, typer.Option(help="Only acts on this token, key, proposal, ….")] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1_000)] = 100,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """List what people did, the latest first: tokens, keys, enrolments, applies, proposals, settlements.

    Example: waybill audit list --what proposal. --limit 20
    """
    with connect(url, token) as client:
        items = client.get("/audit", who=who, what=what, target=target, limit=limit)["items"]
    if output is Format.json:
        say_json(items)
        return
    rows = (
        [moment(item["at_us"]), item["who"], item["role"], item["what"], item["target"], _said(item["detail"])]
        for item in items
    )
    say_table(["when", "who", "role", "what", "target", "detail"], rows)


def _said(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in detail.items() if value not in (None, "", []))


@app.command("verify")
def verify(
    stream: Annotated[str | None, typer.Option(help="Only this stream; default: all.")] = None,
    public_key: Annotated[
        str | None,
        typer.Option(help="Base64 key to check signatures with; default: the one the control plane names."),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Recompute the hash chain of every stream and check the signed heads; exit status 1 on a break.

    Entries up to a signed head are anchored: neither their gateway nor a truncation can change them unseen.

    Example: waybill audit verify --format json
    """
    with connect(url, token) as client:
        key = public_key or client.get("/signing-key")["public_key"]
        heads = _heads(client, stream)
        with progress("checking entries", sum(head.last for head in heads)) as step:
            verdicts = [verify_stream(head, _lines(client, head, step), key) for head in heads]
    if output is Format.json:
        say_json([_document(verdict) for verdict in verdicts])
    else:
        _say(verdicts)
    if not all(verdict.is_intact for verdict in verdicts):
        raise typer.Exit(1)


def _heads(client: Client, only: str | None) -> list[StreamHead]:
    listed = client.get("/streams")
    items = listed["items"] if isinstance(listed, dict) else listed
    heads = [msgspec.convert(item, StreamHead) for item in items]
    found = [head for head in heads if only in (None, head.stream)]
    if only is not None and not found:
        raise Conflict(f"the control plane has no stream {only!r}")
    return found


def _lines(client: Client, head: StreamHead, step: Step) -> Iterator[bytes]:
    """All lines of a stream up to its head; a page without any ends it."""
    after = 0
    while after < head.last:
        page = client.get_text("/streams/entries", stream=head.stream, after=after, limit=PAGE).splitlines()
        if not page:
            return
        yield from page
        after += len(page)
        step(len(page))


def _document(verdict: Verdict) -> dict[str, Any]:
    said = {"is_intact": verdict.is_intact, "is_synthetic": is_synthetic(verdict.stream)}
    return {**msgspec.to_builtins(verdict), **said}


def _say(verdicts: list[Verdict]) -> None:
    if not verdicts:
        say("no stream has arrived yet")
        return
    say_table(
        ["stream", "entries", "anchored", "result"],
        ([v.stream, v.entries, v.anchored, _result(v)] for v in verdicts),
    )
    entries, anchored = sum(v.entries for v in verdicts), sum(v.anchored for v in verdicts)
    broken = sum(not v.is_intact for v in verdicts)
    say(f"{entries} entries in {len(verdicts)} streams, {anchored} anchored by signed heads, {broken} streams broken")


def _result(verdict: Verdict) -> str:
    told = "intact" if verdict.is_intact else _broken(verdict)
    return f"{told}; synthetic history, no gateway saw it" if is_synthetic(verdict.stream) else told


def _broken(verdict: Verdict) -> str:
    place = f"entry {verdict.break_at}: " if verdict.break_at is not None else ""
    return f"BROKEN at {place}{verdict.reason}" if place else f"BROKEN: {verdict.reason}"
