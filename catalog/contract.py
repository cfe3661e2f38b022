"""A contract: a versioned OpenAPI 3.x or AsyncAPI 3 document plus `contract.yaml` (owner, domain, life cycle).

`x-waybill` on an operation says what a call means; its expressions are OpenAPI runtime expressions
(`catalog.expression`). Structs here are shapes; reading files is `catalog.workspace`, compiling an operation's
schemas is `catalog.schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from catalog.lifecycle import State
from catalog.parameter import Check, Place
from catalog.pointer import join
from catalog.schema import Handle, Schema

Layer = Literal["experience", "process", "system"]
Priority = Literal["critical", "standard", "bulk"]


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A relation from the operation's object to another business object."""

    object: str  # object type, e.g. "requisition"
    id: str  # expression giving the other object's business key
    relation: str  # e.g. "fulfils", "bills", "settles", "supplied_by"
    kind: Literal["flow", "reference"] = "flow"  # a chain follows flow links only (design §5)
    assigner: str | None = None  # expression or literal; default: the legal entity of the call


class Reconcile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the gateway learns, after an unknown outcome, whether the system did the work (design §11.3)."""

    operation: str  # operationId of a GET of the same contract
    by: dict[str, str]  # parameter name -> expression, or text with `{expression}` parts (JSON-escaped)
    encoding: dict[str, Literal["base64url"]] = {}  # parameter name -> how its text is encoded for the query
    select: str = ""  # pointer in the answer to the object, or to the array of candidates; "" = whole answer
    where: dict[str, list[Any]] = {}  # pointer within a candidate -> values that prove that it was done


class Extension(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The `x-waybill` member of an OpenAPI operation. Expressions that do not resolve are simply absent."""

    object: str | None = None  # type of the business object, e.g. "purchase_order"
    id: str | list[str] | None = None  # expressions, first that resolves wins; business key of `object`
    aliases: list[str] = []  # further identifiers of the same object, assigned by the bound system
    event: str | None = None  # e.g. "purchase_order.issued", meant when the call succeeded (2xx)
    links: list[Link] = []  # other objects that the call ties this one to
    amount: str | None = None  # expression of a money object {amount, currency}
    legal_entity: str | list[str] = "$credential"  # expressions; `$reference` looks `id` up (design §4.2)
    occurred_at: str | None = None  # business time (RFC 3339 date or date-time)
    status: str | None = None  # expression of the object's status axes (a JSON object of strings)
    layer: Layer | None = None  # default: the contract's
    idempotency: Literal["required", "optional", "none"] | None = None  # default: mutating optional, else none
    delivery: Literal["sync", "async"] = "sync"  # async: not served yet
    priority: Priority = "standard"  # class of the call, kept in its record
    safe: bool | None = None  # executes nothing although the method says POST (a validation); default GET/HEAD
    serialise: list[str] = []  # objects of which one call at a time may be under way; not enforced yet
    reconcile: Reconcile | None = None  # the look-up that settles an unknown outcome


class VersionState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Life cycle of one version, kept in `contract.yaml` apart from runtime routing."""

    state: State  # drafts are not served
    deprecated_at: str | None = None  # RFC 3339
    sunset_at: str | None = None  # RFC 3339; from then on the version may be retired
    successor: str | None = None  # a version of this contract, or `name@version`


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`contract.yaml`. The name is `<domain>.<object>`, as is the folder: contracts/<domain>/<object>/."""

    contract: str  # <domain>.<object>
    title: str  # for people
    owner: str  # the team that keeps it
    domain: str  # business domain, the first part of the name
    base_path: str  # path prefix at the gateway; `{major}` is replaced; the rest goes upstream byte for byte
    versions: dict[str, VersionState]  # version -> its life cycle
    steward: str | None = None  # who decides in the business what it means
    description: str = ""  # for people
    layer: Layer = "system"  # experience contracts never bind to the system layer
    compatibility: Literal["backward", "forward", "full", "none"] = "backward"  # what a new version owes the one before
    policy: Literal["wire", "strict"] = "wire"  # wire: properties that the other side does not declare do not count


class Parameter(msgspec.Struct, frozen=True):
    """One declared parameter of an operation."""

    name: str
    place: Place
    required: bool
    schema: dict[str, Any] | bool
    style: str
    explode: bool
    check: Check = "value"  # "presence": any value will do; "none": not even that can be told


class Operation(msgspec.Struct, frozen=True):
    """One operation of a contract version, references resolved to self-contained schemas; a gateway holds handles of
    those of bodies."""

    id: str  # operationId, or a name made of it or of method and path (`catalog.naming`)
    method: str  # upper case
    path: str  # template below the base path, e.g. "/purchase-orders/{id}"
    extension: Extension
    parameters: tuple[Parameter, ...]
    request_schemas: Mapping[str, Schema | Handle]  # media type -> bundled JSON Schema 2020-12
    request_required: bool
    # status ("201", "4XX", "default") -> media type -> bundled JSON Schema 2020-12
    response_schemas: Mapping[str, Mapping[str, Schema | Handle]]
    scopes: tuple[tuple[str, ...], ...]  # alternatives of scopes, one of which suffices; () = none asked
    summary: str = ""
    messages: dict[str, str] = {}  # of an event contract: CloudEvents type -> business event; {} for a call to a system

    @property
    def is_event(self) -> bool:
        """Whether it takes events in: the gateway itself is where such a call ends, no system is bound."""
        return bool(self.messages)

    @property
    def events(self) -> frozenset[str]:
        """Business events that a success may mean."""
        return frozenset(self.messages.values()) or frozenset(filter(None, [self.extension.event]))

    @property
    def pointer(self) -> str:
        """Where it stands in its document."""
        return join("/operations", self.id) if self.messages else join("/paths", self.path, self.method.lower())

    @property
    def is_safe(self) -> bool:
        """Whether a call executes nothing: no intent, no claim, retried freely."""
        declared = self.extension.safe
        return self.method in ("GET", "HEAD", "OPTIONS") if declared is None else declared


class ContractVersion(msgspec.Struct, frozen=True):
    """One version of a contract with everything pinned; immutable once published, known by `sha256`."""

    contract: Contract
    version: str
    document: dict[str, Any]  # OpenAPI or AsyncAPI, with `canonical:` references pinned to exact versions
    pins: dict[str, str]  # "supplier@1.0.0" -> sha256 of the canonical schema
    operations: tuple[Operation, ...]
    sha256: str  # of the canonical JSON of document and pins; life cycle and ownership stay outside

    @property
    def ref(self) -> str:
        return f"{self.contract.contract}@{self.version}"

    @property
    def major(self) -> int:
        return int(self.version.split(".", 1)[0])

    @property
    def base_path(self) -> str:
        return self.contract.base_path.replace("{major}", str(self.major))

    @property
    def state(self) -> VersionState:
        return self.contract.versions[self.version]
