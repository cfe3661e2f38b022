"""Tables of the objectives: definitions in force, contributions of objects, roll-ups."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text

from controlplane.store.column import Number, Plain
from controlplane.store.database import metadata

# One row per version of an objective that is in force; another meaning is another row.
slo_definition = Table(
    "slo_definition",
    metadata,
    Column("slo_id", Number, primary_key=True),
    Column("name", Plain, nullable=False, unique=True),
    Column("sha256", Plain, nullable=False),
    Column("spec", Text, nullable=False),  # JSON of catalog.slo.SloSpec
)

# One row: the generation whose definitions the contributions follow.
slo_generation = Table(
    "slo_generation",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
)

# Per (objective, object): its one contribution.
slo_contribution = Table(
    "slo_contribution",
    metadata,
    Column("slo_id", Number, ForeignKey("slo_definition.slo_id"), primary_key=True),
    Column("object_id", Number, ForeignKey("business_object.object_id"), primary_key=True),
    Column("state", Plain, nullable=False),  # open | good | bad
    Column("legal_entity", Plain, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("deadline_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
    Column("minute", Integer, nullable=False),  # where it counts: when it turned good, or its deadline
    Column("is_synthetic", Boolean, nullable=False),
    Index("slo_contribution_by_state", "slo_id", "state", "deadline_us"),
    Index("slo_contribution_by_object", "object_id"),  # that its foreign key is checked by
)

# Contributions per bucket of 1, 60 or 1440 minutes: closed ones where they count, and how many began and ended there.
slo_rollup = Table(
    "slo_rollup",
    metadata,
    Column("slo_id", Number, ForeignKey("slo_definition.slo_id"), primary_key=True),
    Column("grain", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("good", BigInteger, nullable=False),
    Column("bad", BigInteger, nullable=False),
    Column("begun", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
)

# How long objects took from beginning to end, where they ended; `step` is a step of `lineage.histogram`.
slo_delay_rollup = Table(
    "slo_delay_rollup",
    metadata,
    Column("slo_id", Number, ForeignKey("slo_definition.slo_id"), primary_key=True),
    Column("grain", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("legal_entity", Plain, primary_key=True),
    Column("is_synthetic", Boolean, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("objects", BigInteger, nullable=False),
)
