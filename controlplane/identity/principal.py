"""Who asks, as a guard found out, and what each role may do: one table.

A role is a set of permissions, not a step of a ladder: who publishes contracts does not settle what happened to
money, and the reverse (separation of duties; NIST SP 800-53 AC-5).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from catalog.errors import NotFound

#: legal entities that may be seen; None: all of them, and what belongs to none
Scope: TypeAlias = frozenset[str] | None

ALL_ENTITIES = "*"


class Permission(StrEnum):
    """What a route may ask for."""

    read = "read"  # figures, lineage, exchanges, contracts, gateways
    settle = "settle"  # decide what needs a person
    approve = "approve"  # answer proposals that name one
    publish = "publish"  # apply a workspace
    issue_keys = "issue_keys"  # consumers' API keys
    enrol = "enrol"  # gateways
    audit = "audit"  # what people did
    administer = "administer"  # tokens, rebuilds


class Role(StrEnum):
    executive = "executive"
    operator = "operator"
    approver = "approver"
    steward = "steward"
    architect = "architect"
    admin = "admin"
    viewer = "executive"  # the former name: kept rows and commands go on working


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.executive: frozenset({Permission.read, Permission.audit}),
    Role.operator: frozenset({Permission.read, Permission.settle}),
    Role.approver: frozenset({Permission.read, Permission.approve}),
    Role.steward: frozenset({Permission.read, Permission.approve, Permission.audit}),
    Role.architect: frozenset(
        {
            Permission.read,
            Permission.approve,
            Permission.publish,
            Permission.issue_keys,
            Permission.enrol,
            Permission.audit,
        }
    ),
    Role.admin: frozenset(Permission),
}


class User(msgspec.Struct, frozen=True):
    """A person or a program of theirs: the holder of a `wbt_` token, or whom the issuer of sign-ins vouches for."""

    id: str  # "token:<token id>" or "oidc:<issuer>|<subject>"
    name: str
    role: Role
    entities: tuple[str, ...] = (ALL_ENTITIES,)  # as granted
    scope: Scope = None  # as the workspace in force resolves them
    also: frozenset[str] = frozenset()  # e-mail address and groups, which stewards and owners may be named by

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]

    def narrowed(self, entity: str) -> Scope:
        """What to look at when `entity` ("" for all) was asked for. Raises: NotFound for a foreign one."""
        if not entity:
            return self.scope
        if self.scope is not None and entity not in self.scope:
            raise NotFound("no such legal entity")
        return frozenset({entity})

    def sees(self, entity: str) -> bool:
        """Whether what belongs to `entity` may be seen; what belongs to none only by who sees all."""
        return self.scope is None or entity in self.scope


#: in whose name the control plane acts by itself
ITSELF = User("waybill", "first start", Role.admin)


class GatewayIdentity(msgspec.Struct, frozen=True):
    """The holder of a `wbg_` credential. It may write the streams whose names begin with its own, and those of a group
    that shares its state."""

    gateway_id: str
    group: str
