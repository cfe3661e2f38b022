"""The snapshot as a gateway runs it: a manifest's blobs, every hash checked, decoded and compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from catalog.asyncapi import is_asyncapi, read_asyncapi
from catalog.canonical import CanonicalSchema
from catalog.contract import Contract, ContractVersion
from catalog.envelope import PolicyBlob
from catalog.errors import Invalid, Problem
from catalog.network import Binding, ConsumerBlob, Entity, System, SystemOfRecord
from catalog.openapi import read_openapi
from catalog.schema import Validators
from catalog.snapshot import BlobKind, BlobRef, ContractBlob, Manifest, canonical_json, sha256_hex

T = TypeVar("T")


class Snapshot(msgspec.Struct, frozen=True):
    """All published state. `validators` hold every schema of every operation, compiled."""

    manifest: Manifest
    versions: tuple[ContractVersion, ...]
    schemas: dict[str, CanonicalSchema]
    entities: dict[str, Entity]
    systems: dict[str, System]
    bindings: tuple[Binding, ...]
    records: tuple[SystemOfRecord, ...]
    consumers: dict[str, ConsumerBlob]
    policies: tuple[PolicyBlob, ...]
    validators: Validators


def read_snapshot(manifest: Manifest, blobs: Mapping[str, bytes]) -> Snapshot:
    """Blobs (by SHA-256) of a manifest as a snapshot. Raises `Invalid` naming each blob that is missing, altered or
    unreadable; what cannot be compiled is found here, before the snapshot serves a call."""
    reader = _Reader(manifest, blobs)
    snapshot = reader.read()
    if reader.problems:
        raise Invalid(f"snapshot {manifest.generation} refused", reader.problems)
    return snapshot


class _Reader:
    def __init__(self, manifest: Manifest, blobs: Mapping[str, bytes]) -> None:
        self.problems: list[Problem] = []
        self._manifest = manifest
        self._blobs = blobs
        self._validators = Validators()

    def read(self) -> Snapshot:
        schemas = {
            key: CanonicalSchema(key.partition("@")[0], key.partition("@")[2], document, ref.sha256)
            for key, (ref, document) in self._all("schema", dict[str, Any]).items()
        }
        contracts = self._all("contract", ContractBlob)
        versions = [self._version(ref, blob, schemas) for ref, blob in contracts.values()]
        return Snapshot(
            manifest=self._manifest,
            versions=tuple(version for version in versions if version is not None),
            schemas=schemas,
            entities=self._plain("entity", Entity),
            systems=self._plain("system", System),
            bindings=tuple(self._plain("binding", Binding).values()),
            records=tuple(self._plain("record", SystemOfRecord).values()),
            consumers=self._plain("consumer", ConsumerBlob),
            policies=tuple(self._plain("policy", PolicyBlob).values()),
            validators=self._validators,
        )

    def _refuse(self, ref: BlobRef, message: str) -> None:
        self.problems.append(Problem(f"blob {ref.kind} {ref.name}: {message}", rule="snapshot"))

    def _plain(self, kind: BlobKind, type_: type[T]) -> dict[str, T]:
        return {name: value for name, (_, value) in self._all(kind, type_).items()}

    def _all(self, kind: BlobKind, type_: type[T]) -> dict[str, tuple[BlobRef, T]]:
        found: dict[str, tuple[BlobRef, T]] = {}
        for ref in self._manifest.blobs:
            if ref.kind != kind:
                continue
            data = self._blobs.get(ref.sha256)
            if data is None:
                self._refuse(ref, "is missing")
            elif sha256_hex(data) != ref.sha256:
                self._refuse(ref, "is not what its hash says")
            else:
                try:
                    found[ref.name] = (ref, msgspec.json.decode(data, type=type_))
                except msgspec.DecodeError as error:
                    self._refuse(ref, f"cannot be read: {error}")
        return found

    def _version(self, ref: BlobRef, blob: ContractBlob, schemas: dict[str, CanonicalSchema]) -> ContractVersion | None:
        for key, sha256 in blob.pins.items():
            if key not in schemas or schemas[key].sha256 != sha256:
                self._refuse(ref, f"schema {key} is not the one that was pinned")
                return None
        if sha256_hex(canonical_json({"document": blob.document, "pins": blob.pins})) != blob.sha256:
            self._refuse(ref, "document and pins are not what the version's hash says")
            return None
        try:
            contract = msgspec.convert(blob.contract, Contract)
            read = read_asyncapi if is_asyncapi(blob.document) else read_openapi
            operations = read(blob.document, schemas, self._validators).operations
        except (Invalid, msgspec.ValidationError) as error:
            self._refuse(ref, f"does not compile: {error}")
            return None
        return ContractVersion(contract, blob.version, blob.document, blob.pins, operations, blob.sha256)
