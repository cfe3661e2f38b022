"""Who asks, as a guard found out."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Role(IntEnum):
    """Each role may do all that the lower ones may."""

    viewer = 1  # reads
    operator = 2  # settles what needs a person
    architect = 3  # publishes, issues keys, enrols gateways
    admin = 4  # tokens


class User(msgspec.Struct, frozen=True):
    """The holder of a `wbt_` token."""

    token_id: str
    name: str
    role: Role


class GatewayIdentity(msgspec.Struct, frozen=True):
    """The holder of a `wbg_` credential. It may only write the streams whose names begin with its own."""

    gateway_id: str
    group: str

    def owns(self, stream: str) -> bool:
        return stream.startswith(f"{self.gateway_id}/")
