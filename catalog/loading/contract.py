"""Reading contracts and their versions, with everything pinned that a version names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from catalog.asyncapi import read_asyncapi
from catalog.canonical import Canonicals
from catalog.contract import Contract, ContractVersion
from catalog.doubt import doubtful_references
from catalog.errors import Invalid
from catalog.loading.file import Files
from catalog.openapi import read_openapi
from catalog.pin import pin
from catalog.schema import Validators
from catalog.shape import shape
from catalog.snapshot import Published, canonical_json, sha256_hex
from catalog.vendor import merge
from catalog.version import is_version, version_key

CONTRACT = re.compile(r"contracts/([^/]+)/([^/]+)/contract\.ya?ml")
VERSION = re.compile(r"contracts/([^/]+)/([^/]+)/([^/]+)/(openapi|asyncapi)\.(?:ya?ml|json)")
OVERLAY = re.compile(r"contracts/([^/]+)/([^/]+)/([^/]+)/overlay\.(?:ya?ml|json)")


class ContractReader:
    """Reads contracts/. `schemas` are the canonical ones, `broken` those of them that had problems (told at home);
    `unread` gathers the contracts whose operations are not all known."""

    def __init__(
        self,
        files: Files,
        validators: Validators,
        schemas: Canonicals,
        broken: Collection[str],
        published: Mapping[str, Published],
    ) -> None:
        self._files = files
        self._validators = validators
        self._schemas = schemas
        self._broken = broken
        self._published = published
        self.unread: set[str] = set()

    def contracts(self) -> dict[str, Contract]:
        found: dict[str, Contract] = {}
        for path, plain in self._files.paths("contracts"):
            form = CONTRACT.fullmatch(plain)
            data = self._files.one(path) if form else None
            if form is None:
                continue
            contract, problems = shape(data, Contract, path) if data is not None else (None, [])
            self._files.problems += problems
            name = f"{form[1]}.{form[2]}"
            if contract is None or contract.contract != name:
                self._files.lost.add(f"contract/{name}")
                self.unread.add(name)
            if contract is None:
                continue
            if contract.contract != name:
                self._files.refuse(f"the folder says {name}", path, "/contract", "rename one of them", "contract")
            elif self._files.note_source("contract", contract.contract, path):
                found[contract.contract] = contract
        return found

    def versions(self, contracts: Mapping[str, Contract]) -> tuple[ContractVersion, ...]:
        found: list[ContractVersion] = []
        overlays = self._overlays()
        for path, plain in self._files.paths("contracts"):
            form = VERSION.fullmatch(plain)
            document = self._files.one(path) if form else None
            if form is None:
                continue
            name, version = f"{form[1]}.{form[2]}", form[3]
            if document is None:
                self._files.lost.add(f"contract/{name}@{version}")
                self.unread.add(name)
                continue
            contract = contracts.get(name)
            if contract is None:
                if not {f"contract/{name}"} & (self._files.sources.keys() | self._files.lost):
                    self._files.refuse("its contract.yaml is missing", path, remedy="write one beside its folder")
                self._version(None, version, document, path, form[4], overlays)
            elif version not in contract.versions:
                remedy = f"add {version}: {{state: draft}} to versions"
                self._files.refuse(
                    f"contract.yaml does not list version {version}", path, remedy=remedy, rule="contract"
                )
            elif self._files.note_source("contract", f"{contract.contract}@{version}", path):
                found.append(self._version(contract, version, document, path, form[4], overlays))
        for path in overlays.values():
            self._files.refuse("there is no openapi document beside it", path, remedy="move it, or remove it")
        return tuple(sorted(found, key=_version_order))

    def _overlays(self) -> dict[tuple[str, str], str]:
        """Paths of overlays by folder and library mark; those that are used are taken out."""
        return {
            (path.rpartition("/")[0], "openapi"): path
            for path, plain in self._files.paths("contracts")
            if OVERLAY.fullmatch(plain)
        }

    def _version(
        self,
        contract: Contract | None,
        version: str,
        document: Any,
        path: str,
        kind: str,
        overlays: dict[tuple[str, str], str],
    ) -> Any:
        """A version with everything pinned; operations are left out when the document is wrong. `kind` is the name of
        its file: openapi or asyncapi."""
        if not isinstance(document, dict):
            what = {"openapi": "an OpenAPI", "asyncapi": "an AsyncAPI"}[kind]
            self._files.refuse(f"must be {what} document", path, remedy="write a mapping", rule=kind)
            document = {}
        overlay_path = overlays.pop((path.rpartition("/")[0], kind), "")
        overlay = self._files.one(overlay_path) if overlay_path else None
        merged = merge(document, path, overlay, overlay_path)
        self._files.problems += merged.problems
        self._files.notes += merged.notes
        document = merged.document
        name = f"{contract.contract}@{version}" if contract else ""
        earlier = self._published.get(f"contract/{name}")
        exact, pins, problems = pin(document, self._schemas, earlier.pins if earlier else (), path)
        doubtful = doubtful_references(document, self._files.lost)
        self._files.problems += [problem for problem in problems if problem.pointer not in doubtful]
        operations: tuple[Any, ...] = ()
        if document and not doubtful and not pins.keys() & self._broken:  # a broken schema is told once, at home
            try:
                if kind == "asyncapi":
                    reading = read_asyncapi(exact, self._schemas, self._validators, path)
                else:
                    is_own = overlay is None
                    reading = read_openapi(exact, self._schemas, self._validators, path, is_own)
                operations = reading.operations
                self._files.notes += map(merged.placed, reading.notes)
            except Invalid as error:
                told = {problem.pointer for problem in problems}
                self._files.problems += [
                    merged.placed(problem) for problem in error.problems if problem.pointer not in told
                ]
        if contract is None:
            return None
        if not operations:
            self.unread.add(contract.contract)
        sha256 = sha256_hex(canonical_json({"document": exact, "pins": pins}))
        return ContractVersion(contract, version, exact, pins, operations, sha256)


def _version_order(version: ContractVersion) -> tuple[str, tuple[int, int, int]]:
    name = version.contract.contract
    return name, version_key(version.version) if is_version(version.version) else (0, 0, 0)
