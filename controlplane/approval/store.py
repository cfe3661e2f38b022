"""Tables of proposals and the answers to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from controlplane.store.database import metadata

proposal = Table(
    "proposal",
    metadata,
    Column("proposal_id", String, primary_key=True),
    Column("state", String, nullable=False),  # open | published | rejected | stale
    Column("requested_id", String, nullable=False),  # User.id
    Column("requested_by", String, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),  # the newest when it was planned
    Column("basis", String, nullable=False),  # SHA-256 of all that was in force then
    Column("files_sha256", String, nullable=False),
    Column("files", LargeBinary, nullable=False),  # the workspace: JSON, zlib
    Column("plan", Text, nullable=False),  # JSON of registry.plan.Plan
    Column("needed", Text, nullable=False),  # JSON list of Requirement
    Column("closed_us", BigInteger),
    Column("published_generation", Integer),
    Index("proposal_by_state", "state", "created_us"),
)

answer = Table(
    "proposal_answer",
    metadata,
    Column("answer_id", Integer, primary_key=True),
    Column("proposal_id", String, ForeignKey("proposal.proposal_id"), nullable=False),
    Column("decision", String, nullable=False),  # approved | rejected
    Column("who_id", String, nullable=False),
    Column("who", String, nullable=False),
    Column("role", String, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("comment", Text, nullable=False),
    Column("things", Text, nullable=False),  # JSON list of [kind, name] that it answers for; a rule third
    Index("proposal_answer_by_proposal", "proposal_id"),
)
