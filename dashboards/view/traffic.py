"""Gateways and systems: headline figures, refusals, and tables of each. Pure."""

from __future__ import annotations

from html import escape
from typing import Any

from dashboards.view.spark import Series, change, spark
from dashboards.view.table import Column, Html, pill, table
from dashboards.view.time import moment, span
from dashboards.view.word import reason

WINDOWS = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "28d": "28 d"}
SHOWN = 8


def headlines(document: dict[str, Any]) -> list[str]:
    """Six cards: what came, what was refused, what failed, what is in doubt, and where the time went."""
    now, before, points = document["now"], document["before"], document["points"]
    length = WINDOWS[document["window"]]
    refused, failed = _share(now["refused"], now["calls"]), _share(now["failed"], now["calls"])
    return [
        _card("Calls", f"{now['calls']:,}", f"last {length}", _neutral(now, before, length), _series(points, "calls")),
        _card(
            "Refused by the gateway",
            _percent(refused),
            f"{now['refused']:,} of {now['calls']:,} calls",
            change(refused, _share(before["refused"], before["calls"]), "ratio", "less", length),
            _series(points, "refused"),
        ),
        _card(
            "Failed through a system's fault",
            _percent(failed),
            f"{now['failed']:,} of {now['calls']:,} calls",
            change(failed, _share(before["failed"], before["calls"]), "ratio", "less", length),
            _series(points, "failed"),
        ),
        _card("In doubt", f"{document['in_doubt']:,}", "nobody knows yet whether they were carried out"),
        _card("Waiting for systems: 95 % within", _within(document["waiting"], 95), _spread(document["waiting"])),
        _card("The gateway's own time: 95 % within", _within(document["overhead"], 95), _spread(document["overhead"])),
    ]


def refusals(document: dict[str, Any]) -> str:
    """Why calls were refused, as bars with counts."""
    items = document["refusals"]
    most = max((item["calls"] for item in items), default=0)
    rows = [
        f'<div class="wb-bar" title="{escape(item["refusal"])}"><span>{escape(reason(item["refusal"]))}</span>'
        f'<i style="width:{100 * item["calls"] / most:.0f}%"></i><b>{item["calls"]:,}</b></div>'
        for item in items[:SHOWN]
    ]
    rest = sum(item["calls"] for item in items[SHOWN:])
    if rest:
        rows.append(f'<div class="wb-small">and {rest:,} for other reasons</div>')
    return f'<div class="wb-bars" data-testid="refusals">{"".join(rows)}</div>'


def operations(document: dict[str, Any]) -> str:
    rows = [
        [f"{each['contract']} {each['operation']}", each["calls"], each["refused"]] for each in document["operations"]
    ]
    return table(["Operation", Column("Calls", True), Column("Refused", True)], rows, "Busiest operations")


def gateways(document: dict[str, Any], listed: dict[str, Any], streams: list[dict[str, Any]]) -> str:
    """Each gateway: whether it is heard of and runs the newest snapshot, what it took in, how far it has told."""
    passed = {each["gateway"]: each for each in document["gateways"]}
    newest = listed["newest_generation"]
    lags = {stream["stream"]: stream["lag_us"] for stream in streams if not stream["is_closed"]}
    rows = []
    for item in listed["items"]:
        told = passed.get(item["gateway"], {"calls": 0, "refused": 0})
        slowest = max((lags.get(name, 0) for name in item["streams"]), default=0)
        rows.append(
            [
                f"{item['name']} ({item['gateway']})",
                health(item),
                _generation(item, newest),
                moment(item["last_seen_us"]),
                told["calls"],
                told["refused"],
                f"{len(item['streams'])}, last batch {span(slowest)} after the call" if item["streams"] else "none yet",
                _halted(item),
            ]
        )
    names: list[Column | str] = [
        "Gateway",
        "State",
        "Snapshot",
        "Last heard",
        Column("Calls", True),
        Column("Refused", True),
    ]
    return table([*names, "Streams", "Shipping"], rows, "Gateways")


def health(item: dict[str, Any]) -> Html:
    if item["state"] == "revoked":
        return pill("revoked")
    if item["is_stale"]:
        return pill("silent", "bad")
    return pill("heard of", "good") if item["state"] in ("ack", "enrolled") else pill("refused a snapshot", "bad")


def _generation(item: dict[str, Any], newest: int) -> Html | str:
    running = item["running_generation"]
    if item["state"] == "revoked":
        return str(running or "")
    if item["state"] == "nack":
        return pill(f"runs {running or 'none'}, refused {item['generation']}: {item['detail'][:160]}", "bad")
    if running is None:
        return pill("none yet", "watch")
    return pill(f"{running}, newest", "good") if running >= newest else pill(f"{running}, newest is {newest}", "watch")


def _halted(item: dict[str, Any]) -> Html | str:
    if not item["halted"]:
        return "runs" if item["state"] != "revoked" else ""
    told = "; ".join(f"{name}: {why}" for name, why in item["halted"].items())
    return Html(f"{pill('halted', 'bad')} {escape(told)}")


def systems(items: list[dict[str, Any]]) -> str:
    """Each system beside the gateway's own time on its calls."""
    rows = [_system(item) for item in items]
    names: list[Column | str] = ["System", Column("Calls", True), Column("Failed", True), Column("In doubt", True)]
    names += [Column("Waiting: half / 95 % within", True), Column("Gateway: 95 % within", True)]
    return table([*names, "Serves", "Layer, region, owner"], rows, "Systems")


def _system(item: dict[str, Any]) -> list[Any]:
    told = item["traffic"]
    failed = _share(told["failed"], told["calls"])
    doubt: Any = pill(f"{told['in_doubt']:,}", "watch") if told["in_doubt"] else 0
    name = f"{item['name']} ({item['system']})" if item["name"] and item["name"] != item["system"] else item["system"]
    for_whom = "all legal entities" if "*" in item["entities"] else ", ".join(item["entities"])
    return [
        name,
        told["calls"],
        f"{told['failed']:,} ({_percent(failed)})" if told["failed"] else 0,
        doubt,
        f"{_within(told['waiting'], 50)} / {_within(told['waiting'], 95)}",
        _within(told["overhead"], 95),
        f"{', '.join(item['contracts'])} for {for_whom}" if item["contracts"] else "bound to nothing",
        ", ".join(part for part in (item["layer"], item["region"], item["owner"]) if part),
    ]


def streams(items: list[dict[str, Any]]) -> str:
    """Up to where each stream is under a signed head. An open one goes on."""
    rows = [
        [
            each["stream"],
            pill("synthetic", "watch") if each["is_synthetic"] else pill("closed" if each["is_closed"] else "open"),
            each["last"],
            f"entry {each['last']:,}, signed {moment(each['signed_at_us'])}" if each["signature"] else "not anchored",
            span(each["lag_us"]) if each["lag_us"] else "–",
            pill(f"{each['unread']:,} unread", "bad") if each["unread"] else "all",
            Html(f'<code title="{escape(each["head"])}">{escape(each["head"][:12])}…</code>' if each["head"] else "–"),
        ]
        for each in items
    ]
    names: list[Column | str] = [
        "Stream",
        "State",
        Column("Entries", True),
        "Anchored up to",
        "Lag of the last batch",
        "Read",
        "Head",
    ]
    return table(names, rows, "Streams")


def _card(title: str, value: str, small: str, compared: str = "", chart: str = "") -> str:
    return (
        f'<div data-headline="{escape(title)}"><h2 class="wb-title">{escape(title)}</h2>'
        f'<div class="wb-value">{escape(value)}</div><div class="wb-small">{escape(small)}</div>{chart}{compared}</div>'
    )


def _series(points: list[dict[str, Any]], name: str) -> str:
    values: Series = [point[name] for point in points]
    return spark(values, f"{name}: this window and the one before")


def _neutral(now: dict[str, int], before: dict[str, int], length: str) -> str:
    """More calls are neither better nor worse."""
    return f'<span class="wb-change">{before["calls"]:,} in the {length} before</span>'


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio * 100:.1f} %"


def _within(spread: dict[str, Any], percentile: int) -> str:
    found = spread[f"p{percentile}_us"]
    return "–" if found is None else span(found)


def _spread(spread: dict[str, Any]) -> str:
    if not spread["calls"]:
        return "no call went to a system"
    return f"Half within {_within(spread, 50)}, 99 % within {_within(spread, 99)} · {spread['calls']:,} calls"
