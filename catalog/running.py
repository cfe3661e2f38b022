"""The snapshot as a gateway runs it: a manifest's blobs, every hash checked, decoded and compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from catalog.asyncapi import is_asyncapi, read_asyncapi
from catalog.canonical import CanonicalSchema
from catalog.contract import Contract, ContractVersion, Operation
from catalog.envelope import PolicyBlob
from catalog.errors import Invalid, Problem
from catalog.network import Binding, ConsumerBlob, Entity, System, SystemOfRecord
from catalog.openapi import read_openapi
from catalog.schema import Validators
from catalog.snapshot import BlobKind, BlobRef, ContractBlob, Manifest, canonical_json, sha256_hex

T = TypeVar("T")


class Snapshot(msgspec.Struct, frozen=True):
    """All published state. Operations hold handles of `validators` for the schemas of bodies; documents are not kept.
    `read` are the versions by the SHA-256 of their blobs, for the snapshot that comes next."""

    manifest: Manifest
    versions: tuple[ContractVersion, ...]
    drafts: tuple[ContractVersion, ...]  # in shadow only
    schemas: dict[str, CanonicalSchema]
    entities: dict[str, Entity]
    systems: dict[str, System]
    bindings: tuple[Binding, ...]
    records: tuple[SystemOfRecord, ...]
    consumers: dict[str, ConsumerBlob]
    policies: tuple[PolicyBlob, ...]
    validators: Validators
    read: dict[str, ContractVersion]


def read_snapshot(
    manifest: Manifest,
    blobs: Mapping[str, bytes],
    validators: Validators | None = None,
    earlier: Mapping[str, ContractVersion] | None = None,
) -> Snapshot:
    """Blobs (by SHA-256) of a manifest as a snapshot. Raises `Invalid` naming each blob that is missing, altered or
    unreadable.

    Lazy `validators` leave compiling to the first use: whoever published has compiled every schema. Versions that are
    in `earlier` (`Snapshot.read` of the one before, made with the same validators) are not read again.
    """
    reader = _Reader(manifest, blobs, Validators() if validators is None else validators, earlier or {})
    snapshot = reader.read()
    if reader.problems:
        raise Invalid(f"snapshot {manifest.generation} refused", reader.problems)
    return snapshot


class _Reader:
    def __init__(
        self,
        manifest: Manifest,
        blobs: Mapping[str, bytes],
        validators: Validators,
        earlier: Mapping[str, ContractVersion],
    ) -> None:
        self.problems: list[Problem] = []
        self._manifest = manifest
        self._blobs = blobs
        self._validators = validators
        self._earlier = earlier

    def read(self) -> Snapshot:
        schemas = {
            key: CanonicalSchema(key.partition("@")[0], key.partition("@")[2], document, ref.sha256)
            for key, (ref, document) in self._all("schema", dict[str, Any]).items()
        }
        read, drafts = self._versions("contract", schemas), self._versions("draft", schemas)
        return Snapshot(
            manifest=self._manifest,
            versions=tuple(read.values()),
            drafts=tuple(drafts.values()),
            schemas=schemas,
            entities=self._plain("entity", Entity),
            systems=self._plain("system", System),
            bindings=tuple(self._plain("binding", Binding).values()),
            records=tuple(self._plain("record", SystemOfRecord).values()),
            consumers=self._plain("consumer", ConsumerBlob),
            policies=tuple(self._plain("policy", PolicyBlob).values()),
            validators=self._validators,
            read={**read, **drafts},
        )

    def _refuse(self, ref: BlobRef, message: str) -> None:
        self.problems.append(Problem(f"blob {ref.kind} {ref.name}: {message}", rule="snapshot"))

    def _plain(self, kind: BlobKind, type_: type[T]) -> dict[str, T]:
        return {name: value for name, (_, value) in self._all(kind, type_).items()}

    def _all(self, kind: BlobKind, type_: type[T]) -> dict[str, tuple[BlobRef, T]]:
        found: dict[str, tuple[BlobRef, T]] = {}
        for ref in self._manifest.blobs:
            value = self._one(ref, type_) if ref.kind == kind else None
            if value is not None:
                found[ref.name] = (ref, value)
        return found

    def _one(self, ref: BlobRef, type_: type[T]) -> T | None:
        data = self._blobs.get(ref.sha256)
        if data is None:
            self._refuse(ref, "is missing")
        elif sha256_hex(data) != ref.sha256:
            self._refuse(ref, "is not what its hash says")
        else:
            try:
                return msgspec.json.decode(data, type=type_)
            except msgspec.DecodeError as error:
                self._refuse(ref, f"cannot be read: {error}")
        return None

    def _versions(self, kind: BlobKind, schemas: dict[str, CanonicalSchema]) -> dict[str, ContractVersion]:
        """By the SHA-256 of their blobs; one after the other, so that one document is held decoded at a time."""
        found: dict[str, ContractVersion] = {}
        for ref in self._manifest.blobs:
            if ref.kind != kind:
                continue
            version = self._earlier.get(ref.sha256)
            if version is not None and self._are_pinned(ref, version.pins, schemas):
                found[ref.sha256] = version
            elif version is None and (blob := self._one(ref, ContractBlob)) is not None:
                version = self._version(ref, blob, schemas)
                found |= {ref.sha256: version} if version is not None else {}
        return found

    def _are_pinned(self, ref: BlobRef, pins: Mapping[str, str], schemas: dict[str, CanonicalSchema]) -> bool:
        for key, sha256 in pins.items():
            if key not in schemas or schemas[key].sha256 != sha256:
                self._refuse(ref, f"schema {key} is not the one that was pinned")
                return False
        return True

    def _version(self, ref: BlobRef, blob: ContractBlob, schemas: dict[str, CanonicalSchema]) -> ContractVersion | None:
        if not self._are_pinned(ref, blob.pins, schemas):
            return None
        if sha256_hex(canonical_json({"document": blob.document, "pins": blob.pins})) != blob.sha256:
            self._refuse(ref, "document and pins are not what the version's hash says")
            return None
        try:
            contract = msgspec.convert(blob.contract, Contract)
            read = read_asyncapi if is_asyncapi(blob.document) else read_openapi
            operations = read(blob.document, schemas, self._validators).operations
            packed = tuple(self._packed(operation) for operation in operations)
        except (Invalid, msgspec.ValidationError) as error:
            self._refuse(ref, f"does not compile: {error}")
            return None
        return ContractVersion(contract, blob.version, {}, blob.pins, packed, blob.sha256)

    def _packed(self, operation: Operation) -> Operation:
        """The operation with handles in place of decoded schemas of bodies."""
        handle = self._validators.handle
        return msgspec.structs.replace(
            operation,
            request_schemas={media: handle(schema) for media, schema in operation.request_schemas.items()},
            response_schemas={
                status: {media: handle(schema) for media, schema in content.items()}
                for status, content in operation.response_schemas.items()
            },
        )
