"""Issues, recognises and revokes tokens and gateway credentials."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, func, insert, select, update

from catalog.errors import Conflict, NotFound, Unauthorized
from controlplane.act.store import remember
from controlplane.context import Context
from controlplane.identity import credential
from controlplane.identity.principal import ALL_ENTITIES, ITSELF, GatewayIdentity, Role, User
from controlplane.identity.scope import scope_of
from controlplane.identity.store import gateway_credential, token

LAST_USED_STEP_US = 60_000_000  # a use is noted once a minute, so that reading does not write


class TokenView(msgspec.Struct, frozen=True):
    """A token without its secret."""

    token_id: str
    name: str
    role: str
    entities: list[str]
    created_us: int
    created_by: str
    expires_us: int | None
    last_used_us: int | None
    revoked_us: int | None


class IssuedToken(msgspec.Struct, frozen=True):
    """The only time that the secret is shown."""

    token_id: str
    name: str
    role: str
    entities: list[str]
    expires_us: int | None
    token: str


class IdentityService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._clock = context.clock
        self._sign_in = context.sign_in

    def ensure_first_admin(self) -> str | None:
        """The text of a new admin token when no token was ever made, else None."""
        with self._database.write() as connection:
            if connection.scalar(select(func.count()).select_from(token)):
                return None
            return self._insert(connection, "first admin", Role.admin, (ALL_ENTITIES,), None, ITSELF).token

    def create(
        self, name: str, role: Role, by: User, entities: Sequence[str] = (ALL_ENTITIES,), expires_us: int | None = None
    ) -> IssuedToken:
        """A token whose holder acts for `entities`, until `expires_us` (UTC) if that is given."""
        with self._database.write() as connection:
            return self._insert(connection, name, role, entities, expires_us, by)

    def list_all(self) -> list[TokenView]:
        columns = [token.c[name] for name in TokenView.__struct_fields__]
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).order_by(token.c.created_us, token.c.token_id))
            return [TokenView(**{**row._mapping, "entities": json.loads(row.entities)}) for row in rows]

    def revoke(self, token_id: str, by: User) -> None:
        """Raises: NotFound; Conflict for the last admin token, which would lock everybody out."""
        with self._database.write() as connection:
            row = connection.execute(select(token).where(token.c.token_id == token_id)).one_or_none()
            if row is None or row.revoked_us is not None:
                raise NotFound(f"no live token {token_id!r}")
            if row.role == Role.admin.name and self._live_admins(connection, but=token_id) == 0:
                raise Conflict("this is the last admin token: create another one before revoking it")
            connection.execute(update(token).where(token.c.token_id == token_id).values(revoked_us=self._clock()))
            remember(connection, self._clock(), by, "token.revoked", token_id, name=row.name, role=row.role)

    def user(self, text: str) -> User:
        """The holder of `text`, a token of ours or of the issuer of sign-ins.

        Raises: Unauthorized; Forbidden when no rule gives a role; Unavailable without the issuer's keys.
        """
        if self._sign_in is not None and text.count(".") == 2 and not text.startswith(f"{credential.USER_PREFIX}_"):
            found = self._sign_in.user(self._sign_in.claims(text, self._clock() / 1_000_000))
            with self._database.read() as connection:
                return msgspec.structs.replace(found, scope=scope_of(connection, found.entities))
        row = self._recognise(token, token.c.token_id, credential.USER_PREFIX, text)
        if row.expires_us is not None and row.expires_us <= self._clock():
            raise Unauthorized("the token has expired")
        granted = tuple(json.loads(row.entities))
        with self._database.read() as connection:
            scope = scope_of(connection, granted)
        return User(f"token:{row.token_id}", row.name, Role[row.role], granted, scope)

    def gateway(self, text: str) -> GatewayIdentity:
        """The gateway that holds `text`. Raises: Unauthorized."""
        column = gateway_credential.c.credential_id
        row = self._recognise(gateway_credential, column, credential.GATEWAY_PREFIX, text)
        return GatewayIdentity(row.gateway_id, row.group_name)

    def issue_to_gateway(self, connection: Connection, gateway_id: str, group: str) -> str:
        """A new credential bound to `gateway_id`, written in the caller's transaction."""
        issued = credential.issue(credential.GATEWAY_PREFIX)
        connection.execute(
            insert(gateway_credential).values(
                credential_id=issued.id,
                gateway_id=gateway_id,
                group_name=group,
                sha256=credential.digest(issued.text),
                created_us=self._clock(),
            )
        )
        return issued.text

    def _insert(
        self,
        connection: Connection,
        name: str,
        role: Role,
        entities: Sequence[str],
        expires_us: int | None,
        by: User,
    ) -> IssuedToken:
        issued = credential.issue(credential.USER_PREFIX)
        granted, now = sorted(set(entities)), self._clock()
        connection.execute(
            insert(token).values(
                token_id=issued.id,
                name=name,
                role=role.name,
                sha256=credential.digest(issued.text),
                created_us=now,
                created_by=by.name,
                entities=json.dumps(granted),
                expires_us=expires_us,
            )
        )
        told = {"name": name, "role": role.name, "entities": granted, "expires_us": expires_us}
        remember(connection, now, by, "token.created", issued.id, **told)
        return IssuedToken(issued.id, name, role.name, granted, expires_us, issued.text)

    def _live_admins(self, connection: Connection, but: str) -> int:
        """Admins' tokens for all entities that do not end by themselves, `but` left out."""
        columns = token.c
        live = (columns.role == Role.admin.name) & columns.revoked_us.is_(None) & columns.expires_us.is_(None)
        live &= (columns.entities == json.dumps([ALL_ENTITIES])) & (columns.token_id != but)
        return connection.scalar(select(func.count()).select_from(token).where(live)) or 0

    def _recognise(self, table: Table, key: Any, prefix: str, text: str) -> Row[Any]:
        public = credential.id_of(prefix, text)
        if public is None:
            raise Unauthorized(f"present a credential of the form {prefix}_… as `Authorization: Bearer`")
        with self._database.read() as connection:
            row = connection.execute(select(table).where(key == public)).one_or_none()
        if row is None or row.revoked_us is not None or not credential.matches(text, row.sha256):
            raise Unauthorized("the credential is unknown or revoked")
        now = self._clock()
        if row.last_used_us is None or now - row.last_used_us > LAST_USED_STEP_US:
            with self._database.write() as connection:
                connection.execute(update(table).where(key == public).values(last_used_us=now))
        return row
