"""Traffic by gateway and system, and who uses what for which legal entity; both counted from the known exchanges."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from controlplane.store.column import Plain

revision = "0009"
down_revision = "0008"

GRAINS = (1440, 60, 1)
LOG_GAMMA = math.log(1.02 / 0.98)  # the scale of `controlplane.lineage.histogram`
USAGE = ("contract", "day", "version", "operation", "consumer", "legal_entity", "is_synthetic")
PLACE = ("grain", "bucket")
TRAFFIC = (*PLACE, "gateway", "system", "legal_entity", "is_synthetic")
TIMING = (*PLACE, "part", "system", "legal_entity", "is_synthetic", "step")
NUMBERS = frozenset({"grain", "bucket", "step", "day"})
READ = ("at_us", "duration_us", "upstream_us", "stream", "system", "legal_entity", "is_synthetic")
MORE = ("refusal", "is_replay", "fault", "contract", "version", "operation", "consumer")


def upgrade() -> None:
    op.drop_table("usage_rollup")
    create("usage_rollup", USAGE, ("calls", "refused"))
    create("traffic_rollup", TRAFFIC, ("calls", "refused", "failed"))
    create("timing_rollup", TIMING, ("calls",))
    traffic: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    usage: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    timing: Counter[tuple[Any, ...]] = Counter()
    for call in exchanges():
        count(call, traffic, timing, usage)
    fill("usage_rollup", (*USAGE, "calls", "refused"), [(*key, *counted) for key, counted in usage.items()])
    fill("traffic_rollup", (*TRAFFIC, "calls", "refused", "failed"), [(*key, *told) for key, told in traffic.items()])
    fill("timing_rollup", (*TIMING, "calls"), [(*key, calls) for key, calls in timing.items()])


def create(name: str, keys: tuple[str, ...], counts: tuple[str, ...]) -> None:
    op.create_table(
        name,
        *(sa.Column(key, column_type(key), nullable=False) for key in keys),
        *(sa.Column(each, sa.BigInteger(), nullable=False) for each in counts),
        sa.PrimaryKeyConstraint(*keys),
    )


COUNTS = frozenset({"calls", "refused", "failed"})


def column_type(name: str) -> Any:
    if name in COUNTS:
        return sa.BigInteger()
    if name in NUMBERS:
        return sa.Integer()
    return sa.Boolean() if name == "is_synthetic" else Plain


def exchanges() -> Iterator[Any]:
    table = sa.table("exchange", *(sa.column(name) for name in (*READ, *MORE)))
    query = sa.select(*(table.c[name] for name in (*READ, *MORE))).execution_options(yield_per=5_000)
    yield from op.get_bind().execute(query)


def count(call: Any, traffic: Any, timing: Any, usage: Any) -> None:
    minute, mark = call.at_us // 60_000_000, bool(call.is_synthetic)
    system = "" if call.refusal or call.is_replay else call.system
    failed = bool(system) and call.fault == "upstream"
    gateway = call.stream.partition("/")[0]
    spent = {"system": call.upstream_us, "gateway": call.duration_us - call.upstream_us}
    for grain in GRAINS:
        place = (grain, minute // grain)
        counted = traffic[(*place, gateway, system, call.legal_entity, mark)]
        for index, is_counted in enumerate((True, bool(call.refusal), failed)):
            counted[index] += is_counted
        if system and call.upstream_us:
            for part, spent_us in spent.items():
                timing[(*place, part, system, call.legal_entity, mark, step_of(spent_us))] += 1
    if call.consumer and call.operation:
        used = usage[
            (call.contract, minute // 1440, call.version, call.operation, call.consumer, call.legal_entity, mark)
        ]
        used[0] += 1
        used[1] += bool(call.refusal)


def step_of(duration_us: int) -> int:
    return 0 if duration_us <= 1 else math.ceil(math.log(duration_us) / LOG_GAMMA)


def fill(name: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    table = sa.table(name, *(sa.column(column, column_type(column)) for column in columns))
    for start in range(0, len(rows), 1_000):
        op.bulk_insert(table, [dict(zip(columns, row, strict=True)) for row in rows[start : start + 1_000]])
