"""Table of recorded runs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Text

from controlplane.store.column import Number, Plain
from controlplane.store.database import metadata

conformance_run = Table(
    "conformance_run",
    metadata,
    Column("run_id", Number, primary_key=True),
    Column("contract", Plain, nullable=False),
    Column("version", Plain, nullable=False),
    Column("sha256", String, nullable=False),  # of the contract version that was tested, published or not
    Column("conforms", Boolean, nullable=False),
    Column("target", String, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("who_id", String, nullable=False),
    Column("who", String, nullable=False),
    Column("report", Text, nullable=False),  # JSON, as the command told it; no payload and no credential
    Index("conformance_run_by_version", "contract", "version"),
)
