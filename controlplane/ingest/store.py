"""Tables of the log: streams with their heads, and batches of verbatim lines."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, false

from controlplane.store.column import Number, Plain
from controlplane.store.database import metadata

stream = Table(
    "stream",
    metadata,
    Column("stream_id", Number, primary_key=True),
    Column("name", Plain, nullable=False, unique=True),  # gateway/slot/epoch
    Column("gateway_id", Plain, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("head", Plain, nullable=False),  # SHA-256 (hex) of the last line
    Column("last_at_us", BigInteger, nullable=False),  # the latest commit time among its entries
    Column("ingested_us", BigInteger, nullable=False),  # when the last batch arrived, by our clock
    Column("signature", Plain, nullable=False),  # base64, over `audit.head_message`
    Column("signed_at_us", BigInteger, nullable=False),
    Column("unread", Integer, nullable=False),  # exchange entries that this program could not read
    Column("is_synthetic", Boolean, nullable=False, server_default=false()),
    Column("closed_us", BigInteger),  # it takes no further entry
)

# One row per batch: cheaper than one per line (design §8), and the bytes stay as they came.
log_batch = Table(
    "log_batch",
    metadata,
    Column("batch_id", Number, primary_key=True),
    Column("stream_id", Number, ForeignKey("stream.stream_id"), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    Index("log_batch_by_last", "stream_id", "last", unique=True),
)
