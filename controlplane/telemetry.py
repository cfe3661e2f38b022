"""The control plane's metrics in Prometheus' text format, read from the store when scraped.

Source of the format: Prometheus, Exposition formats, text format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from controlplane.attention.store import attention
from controlplane.context import Context
from controlplane.gateways.store import command, gateway
from controlplane.registry.store import generation


class Gauge(NamedTuple):
    """One metric family: `read` gives (label pairs, value) samples."""

    name: str
    help: str
    read: Callable[[Connection, Context], Iterable[tuple[dict[str, str], float]]]


def exposition(context: Context) -> str:
    """All families of `GAUGES`."""
    lines: list[str] = []
    with context.database.read() as connection:
        for gauge in GAUGES:
            lines += [f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge"]
            lines += [_sample(gauge.name, labels, value) for labels, value in gauge.read(connection, context)]
    return "\n".join(lines) + "\n"


def _sample(name: str, labels: dict[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {value:g}" if pairs else f"{name} {value:.17g}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _generation(connection: Connection, _: Context) -> Iterable[tuple[dict[str, str], float]]:
    return [({}, connection.scalar(select(func.max(generation.c.generation))) or 0)]


def _gateways(connection: Connection, context: Context) -> Iterable[tuple[dict[str, str], float]]:
    now = context.clock()
    for row in connection.execute(select(gateway.c.gateway_id, gateway.c.last_seen_us)):
        yield {"gateway": row.gateway_id}, (now - row.last_seen_us) / 1_000_000


def _running(connection: Connection, _: Context) -> Iterable[tuple[dict[str, str], float]]:
    for row in connection.execute(select(gateway.c.gateway_id, gateway.c.running_generation)):
        yield {"gateway": row.gateway_id}, row.running_generation or 0


def _attention(connection: Connection, _: Context) -> Iterable[tuple[dict[str, str], float]]:
    count = select(func.count()).select_from(attention).where(attention.c.state == "open")
    return [({}, connection.scalar(count) or 0)]


def _commands(connection: Connection, _: Context) -> Iterable[tuple[dict[str, str], float]]:
    count = select(func.count()).select_from(command).where(command.c.acked_us.is_(None))
    return [({}, connection.scalar(count) or 0)]


GAUGES: list[Gauge] = [
    Gauge("waybill_snapshot_generation", "Newest published generation; 0 before the first.", _generation),
    Gauge("waybill_gateway_seen_seconds_ago", "Time since a gateway was last heard of.", _gateways),
    Gauge("waybill_gateway_generation", "Generation that a gateway runs.", _running),
    Gauge("waybill_attention_open", "Things that wait for a person.", _attention),
    Gauge("waybill_commands_unacknowledged", "Commands that no gateway has acknowledged.", _commands),
]
