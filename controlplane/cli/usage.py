"""`waybill contract users`: who calls a contract, in which version, with which fields, and for how long that works."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from catalog.errors import Invalid
from catalog.pointer import is_within
from controlplane.cli.client import Client
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, say, say_json, say_table

if TYPE_CHECKING:
    from catalog.compatibility.usage import Caller

DaysOption = Annotated[int, typer.Option(min=1, max=400, help="UTC days that are looked at, today included.")]


class Seen(NamedTuple):
    """What the control plane tells of a contract's users: as `/contracts/NAME/users` and `/contracts/NAME/fields`."""

    items: list[dict[str, Any]]
    fields: list[dict[str, Any]]

    def callers(self, version: str, operation: str) -> list[Caller]:
        """Consumers whose calls of an operation were not all refused, with the fields of these."""
        from catalog.compatibility.usage import Caller

        return [
            Caller(user["consumer"], *(self.names(user["consumer"], version, operation, way) for way in _WAYS))
            for user in self.items
            if any(
                (use["version"], use["operation"]) == (version, operation) and use["calls"] > use["refused"]
                for use in user["uses"]
            )
        ]

    def names(self, consumer: str, version: str, operation: str, direction: str) -> frozenset[str]:
        """Fields of a consumer's calls of an operation."""
        key = (consumer, version, operation, direction)
        found = (item for item in self.fields if tuple(item[name] for name in _KEY) == key)
        return frozenset(seen["field"] for item in found for seen in item["fields"])


_WIDTH = 100
_WAYS = ("request", "response")
_KEY = ("consumer", "version", "operation", "direction")


def seen_users(client: Client, contract: str, days: int) -> Seen:
    """Nobody where the control plane does not know the contract."""
    from catalog.errors import NotFound

    try:
        read = [client.get(f"/contracts/{contract}/{what}", days=days)["items"] for what in ("users", "fields")]
    except NotFound:
        return Seen([], [])  # of the workspace only, not published yet
    return Seen(*read)


def users(
    name: Annotated[str, typer.Argument(help="<domain>.<object>, as `waybill plan` names it.")],
    days: DaysOption = 30,
    workspace: Annotated[Path, typer.Option(help="Workspace whose control plane is asked, without --url.")] = Path(),
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Tell who uses a contract: version, operation, fields; who is still on a deprecated version, and for how long.

    Fields are those that calls held which were let through (request), and those of answers that were passed on
    (response): what a consumer reads of an answer nobody can see.

    Example: waybill contract users procurement.purchase-orders --days 90
    """
    with connect(url, token, workspace) as client:
        seen = seen_users(client, name, days)
        if not seen.items:
            _require_known(client, name)
    told = [
        {**user, "uses": [_with_fields(seen, user["consumer"], use) for use in user["uses"]]} for user in seen.items
    ]
    late = [_late(user, use) for user in told for use in user["uses"] if use["state"] in ("deprecated", "retired")]
    if output is Format.json:
        say_json({"contract": name, "days": days, "items": told, "late": late})
    else:
        _say(name, days, told, late)


def _require_known(client: Client, name: str) -> None:
    """Nobody uses a contract that does not exist: a slip must not read like a safe removal. Raises: Invalid."""
    known = sorted(item["name"] for item in client.get("/contracts")["items"])
    if name not in known:
        raise Invalid(f"no contract {name} is published; there are {', '.join(known) or 'none'}")


def _with_fields(seen: Seen, consumer: str, use: dict[str, Any]) -> dict[str, Any]:
    names = {way: sorted(seen.names(consumer, use["version"], use["operation"], way)) for way in _WAYS}
    return {**use, "fields": names}


def _late(user: dict[str, Any], use: dict[str, Any]) -> dict[str, Any]:
    """Who must move on."""
    wanted = ("version", "operation", "calls", "last_day", "state", "sunset_at", "days_to_sunset", "successor")
    return {"consumer": user["consumer"], "owner": user["owner"], **{name: use[name] for name in wanted}}


def _say(name: str, days: int, items: list[dict[str, Any]], late: list[dict[str, Any]]) -> None:
    uses = [(user, use) for user in items for use in user["uses"]]
    if not uses:
        say(f"nobody was seen on {name} in the last {days} days")
    else:
        rows = [
            (user["consumer"], f"{use['version']} {use['state']}".strip(), use["operation"], str(use["calls"]),
             str(use["refused"]), use["last_day"])
            for user, use in uses
        ]  # fmt: skip
        say_table(("consumer", "version", "operation", "calls", "refused", "last"), rows)
        for user, use in uses:
            _say_fields(user["consumer"], use)
    quiet = [user["consumer"] for user in items if not user["uses"]]
    if quiet:
        say(f"granted, and not seen: {', '.join(quiet)}")
    for each in late:
        whose = f"{each['consumer']} ({each['owner'] or 'no owner'})"
        say(f"{whose} still calls {each['operation']} of {each['version']}: {_ends(each)}")


def _say_fields(consumer: str, use: dict[str, Any]) -> None:
    """By place: the body that was sent, the query, the answer of each status. What holds a field that is told goes
    without saying."""
    if not any(use["fields"].values()):
        return
    say(f"{consumer} {use['version']} {use['operation']}")
    for way, what in zip(_WAYS, ("sent", "answered"), strict=True):
        places = groupby((field.partition(":") for field in use["fields"][way]), key=lambda parts: parts[0])
        for place, found in places:
            names = [name for _, _, name in found]
            told = [name for name in names if not any(is_within(other, name) and other != name for other in names)]
            text = ", ".join(name or "all of it" for name in told)
            say(
                fill(
                    text, _WIDTH, initial_indent=f"  {what} {place}: ", subsequent_indent="    ", break_long_words=False
                )
            )


def _ends(use: dict[str, Any]) -> str:
    days, onto = use["days_to_sunset"], f"; go on to {use['successor']}" if use["successor"] else ""
    if use["state"] == "retired" or days is None:
        return f"{use['state']}{onto}"
    when = f"{days} day{'' if days == 1 else 's'} to its sunset" if days >= 0 else f"its sunset was {-days} days ago"
    return f"{use['state']}, {when} ({use['sunset_at']}){onto}"
