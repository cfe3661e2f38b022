"""REST surface of the registry: plan, apply, contracts, consumers' keys."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from catalog.network import Entity
from controlplane.approval.service import ApprovalService
from controlplane.approval.view import Planned
from controlplane.context import Context
from controlplane.identity.guard import issue_keys, publish, read, read_everything
from controlplane.identity.principal import User
from controlplane.registry.contract import ContractRow, ContractView, Wanted, contract_document, contract_rows
from controlplane.registry.deprecation import Deprecated, Deprecation, deprecated
from controlplane.registry.key import IssuedKey, KeyService, KeyView, RotatedKey
from controlplane.registry.schema import SchemaView, schema_document, schema_views
from controlplane.registry.search import Hits, search
from controlplane.registry.service import Applied, ConsumerView, RegistryService

WORKSPACE_BYTES = 128 * 1024 * 1024  # 500 contracts with their documents take some 40 MB


class WorkspaceFiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A workspace as text by path relative to its root."""

    files: dict[str, str]


class Contracts(msgspec.Struct, frozen=True):
    items: list[ContractView]


class ContractRows(msgspec.Struct, frozen=True):
    items: list[ContractRow]
    total: int  # of contracts in force


class Schemas(msgspec.Struct, frozen=True):
    items: list[SchemaView]


class Entities(msgspec.Struct, frozen=True):
    items: list[Entity]


class Consumers(msgspec.Struct, frozen=True):
    items: list[ConsumerView]


class SigningKey(msgspec.Struct, frozen=True):
    algorithm: str
    public_key: str  # base64 of the raw key


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expires_at: str | None = None  # RFC 3339; none: until it is revoked


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    overlap_s: Annotated[int, msgspec.Meta(ge=0, le=365 * 86_400)] = 7 * 86_400  # how long the keys before still count
    expires_at: str | None = None  # RFC 3339, of the new key; none: until it is revoked


class Keys(msgspec.Struct, frozen=True):
    items: list[KeyView]


class DeprecationPlan(msgspec.Struct, frozen=True):
    """`text` is the contract.yaml of what is in force (drafts are not) with the version deprecated."""

    sunset: str
    successor: str
    file: str
    text: str
    plan: Planned


def provide_service(context: NamedDependency[Context]) -> RegistryService:
    return RegistryService(context)


def provide_keys(context: NamedDependency[Context]) -> KeyService:
    return KeyService(context)


Service = NamedDependency[RegistryService]
KeysService = NamedDependency[KeyService]
Asker = NamedDependency[User]


class WorkspaceController(Controller):
    tags = ("registry",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @post(
        "/workspace/plan",
        guards=[read_everything],
        status_code=200,
        sync_to_thread=True,
        request_max_body_size=WORKSPACE_BYTES,
    )
    def plan(self, data: JSONBody[WorkspaceFiles], context: NamedDependency[Context]) -> Planned:
        """What applying the files would add, change and remove, everything that speaks against it, and whose approval
        it would wait for."""
        return ApprovalService(context).plan(data.files)

    @post(
        "/workspace/apply",
        guards=[publish],
        status_code=200,
        sync_to_thread=True,
        request_max_body_size=WORKSPACE_BYTES,
    )
    def apply(
        self, data: JSONBody[WorkspaceFiles], context: NamedDependency[Context], user: Asker
    ) -> Response[Applied]:
        """Publish the files as the next generation, all or nothing; 409 `refused` lists every problem. What needs
        approval is filed as a proposal instead: 202."""
        done = ApprovalService(context).apply(data.files, user)
        return Response(done, status_code=202 if done.proposal else 200)

    @get("/contracts", guards=[read], sync_to_thread=True)
    def contracts(self, service: Service) -> Contracts:
        """Contracts in force with their versions, states and hashes."""
        return Contracts(service.contracts())

    @get("/contracts/{name:str}", guards=[read], sync_to_thread=True)
    def contract(self, name: FromPath[str], service: Service) -> ContractView:
        """One contract."""
        return service.contract(name)

    @get("/catalog", guards=[read], sync_to_thread=True)
    def catalog(
        self,
        context: NamedDependency[Context],
        q: FromQuery[str] = "",
        domain: FromQuery[str] = "",
        layer: FromQuery[str] = "",
        kind: FromQuery[str] = "",
        version_state: Annotated[str, QueryParameter(name="state")] = "",
    ) -> ContractRows:
        """Contracts in force in short, narrowed by what `q` names and by the other filters."""
        with context.database.read() as connection:
            everything = contract_rows(connection, Wanted())
            found = contract_rows(connection, Wanted(q, domain, layer, kind, version_state))
            return ContractRows(found, len(everything))

    @get("/catalog/search", guards=[read], sync_to_thread=True)
    def search(
        self,
        context: NamedDependency[Context],
        q: Annotated[str, QueryParameter(max_length=200)],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> Hits:
        """Contracts, operations, canonical schemas and properties in force that have all words of `q`, the best first;
        each names the contracts it concerns."""
        with context.database.read() as connection:
            return search(connection, q, limit)

    @get("/contracts/{name:str}/{version:str}/document", guards=[read], sync_to_thread=True)
    def document(
        self, context: NamedDependency[Context], name: FromPath[str], version: FromPath[str]
    ) -> dict[str, Any]:
        """The OpenAPI or AsyncAPI document of one version, references to canonical schemas pinned."""
        with context.database.read() as connection:
            return contract_document(connection, name, version)

    @post(
        "/contracts/{name:str}/{version:str}/deprecation/plan",
        guards=[read_everything],
        status_code=200,
        sync_to_thread=True,
    )
    def plan_deprecation(
        self,
        data: JSONBody[Deprecation],
        context: NamedDependency[Context],
        name: FromPath[str],
        version: FromPath[str],
    ) -> DeprecationPlan:
        """What deprecating the version would change, what speaks against it, whose approval it would wait for, and the
        contract.yaml to carry into the workspace. Sunset and successor have defaults."""
        made = self._deprecated(context, name, version, data)
        plan = ApprovalService(context).plan_revision({made.file: made.text})
        return DeprecationPlan(made.sunset, made.successor, made.file, made.text, plan)

    @post("/contracts/{name:str}/{version:str}/deprecation", guards=[publish], status_code=200, sync_to_thread=True)
    def deprecate(
        self,
        data: JSONBody[Deprecation],
        context: NamedDependency[Context],
        user: Asker,
        name: FromPath[str],
        version: FromPath[str],
    ) -> Response[Applied]:
        """Deprecate a version in force, all else as it is; 409 `refused` lists every problem. What needs approval is
        filed as a proposal instead: 202. The next apply of a workspace says again what its own files say."""
        made = self._deprecated(context, name, version, data)
        done = ApprovalService(context).revise({made.file: made.text}, user)
        return Response(done, status_code=202 if done.proposal else 200)

    @staticmethod
    def _deprecated(context: Context, name: str, version: str, wanted: Deprecation) -> Deprecated:
        with context.database.read() as connection:
            return deprecated(connection, name, version, wanted, context.clock())

    @get("/schemas", guards=[read], sync_to_thread=True)
    def schemas(self, context: NamedDependency[Context]) -> Schemas:
        """Canonical schemas in force, and the contracts that are pinned to each version."""
        with context.database.read() as connection:
            return Schemas(schema_views(connection))

    @get("/schemas/{name:str}/{version:str}", guards=[read], sync_to_thread=True)
    def schema(self, context: NamedDependency[Context], name: FromPath[str], version: FromPath[str]) -> dict[str, Any]:
        """The JSON Schema of one version."""
        with context.database.read() as connection:
            return schema_document(connection, name, version)

    @get("/entities", guards=[read], sync_to_thread=True)
    def entities(self, service: Service, user: Asker) -> Entities:
        """Legal entities in force, as far as the asker acts for them."""
        return Entities([entity for entity in service.entities() if user.sees(entity.entity)])

    @get("/consumers", guards=[read], sync_to_thread=True)
    def consumers(self, service: Service, user: Asker) -> Consumers:
        """Consumers in force that may act for an entity of the asker's, and how many live keys each has."""
        return Consumers(service.consumers(user.scope))

    @get("/signing-key", guards=[read], sync_to_thread=False)
    def signing_key(self, context: NamedDependency[Context]) -> SigningKey:
        """The public key behind the signatures of snapshots and of stream heads."""
        return SigningKey("ed25519", context.keys.public_key)


class KeyController(Controller):
    path = "/consumers/{consumer:str}/keys"
    tags = ("registry",)
    dependencies = {"service": Provide(provide_keys, sync_to_thread=False)}  # noqa: RUF012

    @post("/", guards=[issue_keys], sync_to_thread=True)
    def issue(self, consumer: FromPath[str], data: JSONBody[NewKey], service: KeysService, user: Asker) -> IssuedKey:
        """Issue an API key to a consumer; shown in this answer only. Publishes a generation."""
        return service.issue(consumer, data.expires_at, user)

    @post("/rotate", guards=[issue_keys], sync_to_thread=True)
    def rotate(
        self, consumer: FromPath[str], data: JSONBody[Rotation], service: KeysService, user: Asker
    ) -> RotatedKey:
        """Issue a new key, shown in this answer only, and let all live ones end after the overlap; one generation."""
        return service.rotate(consumer, data.overlap_s, data.expires_at, user)

    @get("/", guards=[read_everything], sync_to_thread=True)
    def list_all(self, consumer: FromPath[str], service: KeysService) -> Keys:
        """A consumer's keys, revoked ones included, without their secrets."""
        return Keys(service.list_all(consumer))

    @delete("/{key_id:str}", guards=[issue_keys], sync_to_thread=True)
    def revoke(self, consumer: FromPath[str], key_id: FromPath[str], service: KeysService, user: Asker) -> None:
        """Revoke a key. Publishes a generation; gateways refuse the key from then on."""
        service.revoke(consumer, key_id, user)
