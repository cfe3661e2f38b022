"""Ending gateways' credentials."""

from __future__ import annotations

from sqlalchemy import Connection, update

from controlplane.identity.store import gateway_credential


def keep_only(connection: Connection, gateway_id: str, kept: str, now_us: int) -> None:
    """End every live credential of a gateway but the one whose id is `kept`; "" keeps none."""
    live = (gateway_credential.c.gateway_id == gateway_id) & gateway_credential.c.revoked_us.is_(None)
    others = live & (gateway_credential.c.credential_id != kept)
    connection.execute(update(gateway_credential).where(others).values(revoked_us=now_us))
