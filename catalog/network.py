"""Legal entities, systems, bindings, consumers, systems of record: who exists, where traffic goes, who may call, and
whose word counts (design §2, §11.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from catalog.contract import Layer


class Facility(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place of a legal entity: a campus, a clinic, a warehouse."""

    facility: str  # id
    name: str  # for people
    gln: str = ""  # GS1 Global Location Number, 13 digits
    timezone: str | None = None  # IANA name; default: the entity's


class Entity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """entities/<id>.yaml: a legal entity of the network, what its template gives filled in."""

    entity: str  # id
    name: str  # for people
    region: str  # where its data may be
    currency: str  # ISO 4217
    parent: str | None = None  # id of another entity
    timezone: str = "UTC"  # IANA name
    calendar: str | None = None  # calendars/<id>.yaml; absent: Monday to Friday, no holidays
    facilities: list[Facility] = []  # its places
    members: list[str] = []  # entities that this one acts for (a shared-service centre)
    template: str | None = None  # templates/<id>.yaml


class Credential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A static credential for a system, by the name of a secret, never by value (design §11.13)."""

    secret: str  # name; the value sits in the gateway's secrets file (0600) or in WAYBILL_SECRET_<NAME>
    header: str = "authorization"  # header that carries it
    prefix: str = "Bearer "  # put before the secret's value


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How long a system may take, in seconds."""

    connect_s: float = 2.0  # until a connection stands
    first_byte_s: float = 15.0  # until an answer begins
    total_s: float = 30.0  # until it is whole


class System(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """systems/<id>.yaml: a backend."""

    system: str  # id
    name: str  # for people
    region: str  # where it keeps data
    base_url: str  # http(s)://host:port[/prefix]
    owner: str = ""  # the team that runs it
    layer: Layer = "system"  # process: a process application; experience contracts never bind to the system layer
    credential: Credential | None = None  # what it asks of the gateway; absent: nothing
    timeouts: Timeouts = Timeouts()  # how long it may take
    max_connections: int = 64  # of one gateway process to it
    ca_file: str | None = None  # PEM bundle for https; default: the platform's trust store


class Binding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An item of bindings/*.yaml: contract major x legal entity -> one system."""

    contract: str  # name
    major: int  # major version
    entity: str  # entity id, or "*" for every entity
    system: str  # id of a system


class SystemOfRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An item of records/*.yaml: the one system that may change an object, or a group of its fields."""

    object: str  # object type, e.g. "supplier"
    system: str  # id of the system that may
    fields: list[str] = []  # JSON pointers into the object's document; empty: all that no field group names
    entities: list[str] = msgspec.field(default_factory=lambda: ["*"])  # one that is named goes before "*"

    @property
    def name(self) -> str:
        """Unique in a workspace, such as `supplier/*` or `supplier#/remit_to/lakeside`."""
        group = f"#{','.join(self.fields)}" if self.fields else ""
        return f"{self.object}{group}/{','.join(self.entities)}"


class JwtIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which JWT subject this consumer is."""

    issuer: str  # value of `iss`
    subject: str  # value of `sub`


class MtlsIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which client certificate this consumer is: exactly one of the two."""

    subject: str | None = None  # distinguished name as RFC 4514 writes it, such as CN=erp,O=Lakeside
    san: str | None = None  # subject alternative name: dns:<name> or uri:<URI>


class Consumer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """consumers/<id>.yaml: a client system. API keys are issued by command, never written here."""

    consumer: str  # id
    name: str  # for people
    owner: str = ""  # the team that runs it
    entities: list[str] = []  # legal entities it may act for; ["*"] for all
    contracts: dict[str, list[str]] = {}  # contract name (or "*") -> scopes granted there
    jwt: JwtIdentity | None = None  # which token subject it is
    mtls: list[MtlsIdentity] = []  # several while certificates are replaced
    auth: list[Literal["api_key", "jwt", "mtls"]] = msgspec.field(  # ways in which it may prove who it is
        default_factory=lambda: ["api_key", "jwt", "mtls"]
    )
    system: str | None = None  # the system that calls by this name (systems of record)
    layer: Layer | None = None  # what kind of client it is; an experience is not to call system contracts


class KeyHash(msgspec.Struct, frozen=True, omit_defaults=True):
    """A consumer's API key as it travels in the snapshot: HMAC-SHA256 under the group's pepper."""

    key_id: str  # first 8 characters after the prefix, public, for audit
    hmac_sha256: str  # hex
    expires_at: str | None = None  # RFC 3339


class ConsumerBlob(msgspec.Struct, frozen=True):
    """A consumer with its live key hashes."""

    consumer: Consumer
    keys: tuple[KeyHash, ...] = ()


def representatives(entities: Mapping[str, Entity]) -> dict[str, frozenset[str]]:
    """For each entity those in whose name it may be acted for: itself, and every centre that it is a member of."""
    found: dict[str, set[str]] = {name: {name} for name in entities}
    for name, entity in entities.items():
        for member in entity.members:
            found.setdefault(member, {member}).add(name)
    return {name: frozenset(names) for name, names in found.items()}


def may_act(consumer: Consumer, entity: str, representing: Mapping[str, frozenset[str]]) -> bool:
    """Whether a consumer was given `entity`, or a centre that acts for it; `representing` as `representatives` gives
    it."""
    if "*" in consumer.entities or entity in consumer.entities:
        return True
    return entity in representing and not representing[entity].isdisjoint(consumer.entities)
