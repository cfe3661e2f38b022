"""Alembic's entry: runs on the connection that `upgrade` hands over.

Every domain's `store` module is imported here, so that its tables are on the metadata.
"""

from __future__ import annotations

from alembic import context

import controlplane.act.store
import controlplane.approval.store
import controlplane.attention.store
import controlplane.conformance.store
import controlplane.gateways.store
import controlplane.identity.store
import controlplane.ingest.store
import controlplane.installation
import controlplane.lineage.store
import controlplane.registry.store
import controlplane.slo.store
import controlplane.traffic.store  # noqa: F401
from controlplane.store.database import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
