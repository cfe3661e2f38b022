"""Reading the files of a workspace, kind by kind; what belongs together is checked in `catalog.consistency`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from catalog.bundle import Bundler
from catalog.canonical import CanonicalSchema, canonical_schema, schema_problems
from catalog.consistency import consistency_problems
from catalog.contract import Contract, ContractVersion
from catalog.document import parse_document
from catalog.doubt import doubtful_references, lost_names
from catalog.envelope import Envelope
from catalog.errors import Invalid, Problem
from catalog.inventory import (
    FOLDERS,
    LIBRARIES,
    LIBRARY_PREFIX,
    SETTINGS,
    SUFFIXES,
    ConfigCheck,
    Settings,
    Workspace,
)
from catalog.measure import Measure
from catalog.network import Binding, Consumer, Entity, System
from catalog.openapi import read_openapi
from catalog.pin import pin
from catalog.pointer import join
from catalog.schema import Validators
from catalog.shape import shape
from catalog.slo import SloSpec, parse_slo
from catalog.snapshot import Published, canonical_json, sha256_hex
from catalog.version import is_version, version_key

S = TypeVar("S", bound=msgspec.Struct)

_CONTRACT = re.compile(r"contracts/([^/]+)/([^/]+)/contract\.ya?ml")
_VERSION = re.compile(r"contracts/([^/]+)/([^/]+)/([^/]+)/openapi\.(?:ya?ml|json)")
_SCHEMA = re.compile(r"schemas/([^/]+)/([^/]+)\.(?:json|ya?ml)")


class Loader:
    """One loading. Problems gather; nothing raises."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        policy_kinds: Mapping[str, ConfigCheck] | None,
        unshadowable: Collection[str],
        bundle: Sequence[Envelope],
        published: Mapping[str, Published],
    ) -> None:
        self._files = files
        self._policy_kinds = policy_kinds
        self._unshadowable = unshadowable
        self._bundle = bundle
        self._published = published
        self._problems: list[Problem] = []
        self._notes: list[Problem] = []
        self._sources: dict[str, str] = {}
        self._validators = Validators()
        self._schemas: dict[str, CanonicalSchema] = {}
        self._broken: set[str] = set()  # canonical schemas with problems, by key
        self._unread: set[str] = set()  # contracts whose operations are not all known
        self._lost: set[str] = set()  # "<kind>/<name>" of what is there and could not be loaded

    def load(self) -> tuple[Workspace | None, list[Problem]]:
        self._misplaced()
        settings = self._settings()
        self._read_schemas()
        contracts = self._contracts()
        envelopes = self._envelopes()
        workspace = Workspace(
            name=settings.workspace if settings else "",
            contracts=contracts,
            versions=self._versions(contracts),
            schemas=self._schemas,
            entities=self._named("entities", "entity", Entity, lambda item: item.entity),
            systems=self._named("systems", "system", System, lambda item: item.system),
            bindings=self._bindings(),
            consumers=self._named("consumers", "consumer", Consumer, lambda item: item.consumer),
            envelopes=envelopes,
            policy_files={name: self._policy_files(envelope) for name, envelope in envelopes.items()},
            slos=self._slos(),
            measures=self._listed("measures", "measure", Measure, lambda item: item.id),
            notes=tuple(self._notes),
            sources=self._sources,
        )
        problems = [*self._problems, *consistency_problems(workspace, self._unread, self._lost)]
        return workspace, sorted(dict.fromkeys(problems), key=lambda item: (item.file, item.pointer, item.message))

    # ---- files

    def _refuse(self, message: str, file: str, pointer: str = "", remedy: str = "", rule: str = "workspace") -> None:
        self._problems.append(Problem(message, pointer=pointer, file=file, remedy=remedy, rule=rule))

    def _paths(self, folder: str) -> list[tuple[str, str]]:
        """(path, path without the library's mark) of the files of a folder, the library's first."""
        suffixes = SUFFIXES[:2] if folder == "policies" else SUFFIXES  # policies name JSON files beside them
        found = [
            (path, path.removeprefix(LIBRARY_PREFIX))
            for path in self._files
            if path.removeprefix(LIBRARY_PREFIX).startswith(f"{folder}/") and path.endswith(suffixes)
        ]
        return sorted(found, key=lambda pair: (not pair[0].startswith(LIBRARY_PREFIX), pair))

    def _documents(self, path: str) -> list[Any]:
        documents, problems = parse_document(self._files[path], path)
        self._problems += problems
        return documents

    def _one(self, path: str) -> Any:
        """The only document of a file, or None when there is a problem."""
        before = len(self._problems)
        documents = self._documents(path)
        if len(self._problems) > before:
            return None
        if len(documents) != 1 or documents[0] is None:
            self._refuse("must hold exactly one document", path, remedy="one object a file")
            return None
        return documents[0]

    def _known(self, kind: str, name: str, path: str, pointer: str = "", is_replaceable: bool = False) -> bool:
        """Note where a thing comes from; False when it is there already and must not be replaced."""
        key = f"{kind}/{name}"
        earlier = self._sources.get(key)
        if earlier is not None and not (is_replaceable and earlier.startswith(LIBRARY_PREFIX)):
            self._refuse(f"{kind} {name!r} is defined in {earlier} already", path, pointer, "rename or remove one")
            return False
        self._sources[key] = f"{path}#{pointer}" if pointer else path
        return True

    def _misplaced(self) -> None:
        for path in self._files:
            plain = path.removeprefix(LIBRARY_PREFIX)
            folder = plain.partition("/")[0]
            forms = {"contracts": (_CONTRACT, _VERSION), "schemas": (_SCHEMA,)}.get(folder)
            if forms and plain.endswith(SUFFIXES) and not any(form.fullmatch(plain) for form in forms):
                remedy = "contracts/<domain>/<object>/[<version>/openapi.yaml] or schemas/<object>/<version>.json"
                self._refuse("not a place for a file", path, remedy=remedy)
            elif folder not in FOLDERS and plain.endswith((".yaml", ".yml")) and plain != SETTINGS:
                self._refuse("not in a folder of a workspace", path, remedy=f"folders are {', '.join(FOLDERS)}")

    def _settings(self) -> Settings | None:
        if SETTINGS not in self._files:
            self._refuse("file is missing", SETTINGS, remedy="write {workspace: NAME, include: []}")
            return None
        data = self._one(SETTINGS)
        if data is None:
            return None
        settings, problems = shape(data, Settings, SETTINGS)
        self._problems += problems
        for index, name in enumerate(settings.include if settings else []):
            if name not in LIBRARIES:
                self._refuse(
                    f"no library {name!r}", SETTINGS, join("/include", index), f"known: {', '.join(LIBRARIES)}"
                )
        return settings

    # ---- kinds

    def _named(self, folder: str, kind: str, type_: type[S], name_of: Callable[[S], str]) -> dict[str, S]:
        """One object a file."""
        found: dict[str, S] = {}
        for path, _ in self._paths(folder):
            data = self._one(path)
            item, problems = shape(data, type_, path) if data is not None else (None, [])
            self._problems += problems
            if item is None:
                self._lose(kind, kind, data, path)
            elif self._known(kind, name_of(item), path):
                found[name_of(item)] = item
        return found

    def _entries(self, folder: str) -> Iterator[tuple[Any, str, str]]:
        """(plain data, file, pointer) of each entry: a file holds a list or one; None for a file that is wrong."""
        for path, _ in self._paths(folder):
            data = self._one(path)
            if isinstance(data, list):
                yield from ((item, path, join("", index)) for index, item in enumerate(data))
            else:
                yield data, path, ""

    def _items(self, folder: str, type_: type[S], kind: str, member: str) -> Iterator[tuple[S, str, str]]:
        """(object, file, pointer) of each; `member` holds its name."""
        for entry, path, pointer in self._entries(folder):
            item, problems = shape(entry, type_, path, pointer) if entry is not None else (None, [])
            self._problems += problems
            if item is not None:
                yield item, path, pointer
            else:
                self._lose(kind, member, entry, path)

    def _lose(self, kind: str, member: str, data: Any, path: str) -> None:
        """Remember what could not be loaded, so that it is not told again as missing: its name, or all names that
        the text of an unreadable file may mean."""
        self._lost |= {f"{kind}/{name}" for name in lost_names(data, member, path, self._files[path])}

    def _listed(self, folder: str, kind: str, type_: type[S], name_of: Callable[[S], str]) -> dict[str, S]:
        return {
            name_of(item): item
            for item, path, pointer in self._items(folder, type_, kind, "id")
            if self._known(kind, name_of(item), path, pointer, is_replaceable=True)
        }

    def _bindings(self) -> tuple[Binding, ...]:
        return tuple(
            item
            for item, path, pointer in self._items("bindings", Binding, "binding", "contract")
            if self._known("binding", binding_name(item), path, pointer)
        )

    def _slos(self) -> dict[str, SloSpec]:
        found: dict[str, SloSpec] = {}
        for path, _ in self._paths("slos"):
            documents = self._documents(path)
            if not documents:
                self._lose("slo", "name", None, path)
            for document in documents:
                spec, problems = parse_slo(document, path)
                self._problems += problems
                if spec is None:
                    metadata = document.get("metadata") if isinstance(document, dict) else None
                    self._lose("slo", "name", metadata, path)
                elif self._known("slo", spec.name, path, is_replaceable=True):
                    found[spec.name] = spec
        return found

    # ---- policies

    def _envelopes(self) -> dict[str, Envelope]:
        found = {envelope.name: envelope for envelope in self._bundle}
        for envelope in self._bundle:
            self._sources[f"policy/{envelope.name}"] = f"{LIBRARY_PREFIX}policies"
        for entry, path, pointer in self._entries("policies"):
            if entry is None:
                continue
            read, problems = shape(entry, Envelope, path, pointer)
            self._problems += problems
            if read is None:  # what is wrong beside its config hides nothing in its config
                if isinstance(entry, dict) and isinstance(entry.get("config", {}), dict) and "policy" in entry:
                    self._check_config(entry["policy"], entry.get("config", {}), path, pointer)
            elif self._known("policy", read.name, path, pointer, is_replaceable=True):
                found[read.name] = read
                self._check_envelope(read, path, pointer)
        return found

    def _check_envelope(self, envelope: Envelope, path: str, pointer: str) -> None:
        if envelope.mode == "shadow" and envelope.policy in self._unshadowable:
            message = f"{envelope.policy} cannot run in shadow"
            self._refuse(message, path, join(pointer, "mode"), "set enabled: false instead", "policy")
        self._check_config(envelope.policy, envelope.config, path, pointer)

    def _check_config(self, policy: Any, config: dict[str, Any], path: str, pointer: str) -> None:
        if self._policy_kinds is None or not isinstance(policy, str):
            return
        check = self._policy_kinds.get(policy)
        if check is None:
            remedy = f"known are {', '.join(sorted(self._policy_kinds))}"
            self._refuse(f"no policy {policy!r}", path, join(pointer, "policy"), remedy, "policy")
            return
        for problem in check(config):
            place = f"{pointer}/config{problem.pointer}"
            remedy = problem.remedy or f"see the config of {policy} in the README"
            self._refuse(problem.message, path, place, remedy, problem.rule or "policy")

    def _policy_files(self, envelope: Envelope) -> dict[str, str]:
        found: dict[str, str] = {}
        for pointer, name in named_files(envelope.config):
            path, _, base = self._sources[f"policy/{envelope.name}"].partition("#")
            try:
                found[name] = self._files[name].decode()
            except KeyError:
                remedy = "write its path from the folder of waybill.yaml"
                place = f"{base}/config{pointer}"
                self._refuse(f"{name}: no such file in the workspace", path, place, remedy, "policy")
            except UnicodeDecodeError:
                self._refuse(f"{name} is not text", path, f"{base}/config{pointer}", "save it in UTF-8", "policy")
        return found

    # ---- schemas and contracts

    def _read_schemas(self) -> None:
        places: dict[str, str] = {}
        for path, plain in self._paths("schemas"):
            form = _SCHEMA.fullmatch(plain)
            data = self._one(path) if form else None
            if form is None:
                continue
            if data is None:
                self._lost.add(f"schema/{form[1]}@{form[2]}")
            elif not is_version(form[2]) or not isinstance(data, dict):
                self._refuse("not a schema with its version", path, remedy="an object in a file named 1.0.0.json")
                self._lost.add(f"schema/{form[1]}@{form[2]}")
            elif self._known("schema", f"{form[1]}@{form[2]}", path):
                schema = canonical_schema(form[1], form[2], data)
                self._schemas[schema.key] = schema
                places[schema.key] = path
        for key, path in places.items():
            problems = schema_problems(self._schemas[key], self._schemas, path)
            doubtful = doubtful_references(self._schemas[key].document, self._lost)
            if not problems:
                problems = self._compile(self._schemas[key], path)
            if problems or doubtful:
                self._broken.add(key)
            self._problems += [problem for problem in problems if problem.pointer not in doubtful]

    def _compile(self, schema: CanonicalSchema, path: str) -> list[Problem]:
        """Compile a canonical schema with all it uses, and hold its examples to it."""
        problems: list[Problem] = []
        bundled = Bundler({}, self._schemas, problems.append).bundle(
            {"$ref": f"canonical:{schema.key}"}, "", "response"
        )
        try:
            handle = self._validators.handle(bundled) if not problems else None
        except Invalid as error:
            prefix = join("/$defs", schema.key)
            return [Problem(p.message, p.pointer.removeprefix(prefix), path, p.remedy, p.rule) for p in error.problems]
        examples = schema.document.get("examples")
        if handle is not None and isinstance(examples, list):
            problems += [
                Problem(
                    f"example {violation.message}",
                    join("/examples", index) + violation.pointer,
                    remedy="mend it or the schema",
                    rule="example",
                )
                for index, example in enumerate(examples)
                for violation in self._validators.validate(handle, example)
            ]
        return [msgspec.structs.replace(problem, file=path) for problem in problems]

    def _contracts(self) -> dict[str, Contract]:
        found: dict[str, Contract] = {}
        for path, plain in self._paths("contracts"):
            form = _CONTRACT.fullmatch(plain)
            data = self._one(path) if form else None
            if form is None:
                continue
            contract, problems = shape(data, Contract, path) if data is not None else (None, [])
            self._problems += problems
            name = f"{form[1]}.{form[2]}"
            if contract is None or contract.contract != name:
                self._lost.add(f"contract/{name}")
                self._unread.add(name)
            if contract is None:
                continue
            if contract.contract != name:
                self._refuse(f"the folder says {name}", path, "/contract", "rename one of them", "contract")
            elif self._known("contract", contract.contract, path):
                found[contract.contract] = contract
        return found

    def _versions(self, contracts: Mapping[str, Contract]) -> tuple[ContractVersion, ...]:
        found: list[ContractVersion] = []
        for path, plain in self._paths("contracts"):
            form = _VERSION.fullmatch(plain)
            document = self._one(path) if form else None
            if form is None:
                continue
            name, version = f"{form[1]}.{form[2]}", form[3]
            if document is None:
                self._lost.add(f"contract/{name}@{version}")
                self._unread.add(name)
                continue
            contract = contracts.get(name)
            if contract is None:
                if not {f"contract/{name}"} & (self._sources.keys() | self._lost):
                    self._refuse("its contract.yaml is missing", path, remedy="write one beside its folder")
                self._version(None, version, document, path)
            elif version not in contract.versions:
                remedy = f"add {version}: {{state: draft}} to versions"
                self._refuse(f"contract.yaml does not list version {version}", path, remedy=remedy, rule="contract")
            elif self._known("contract", f"{contract.contract}@{version}", path):
                found.append(self._version(contract, version, document, path))
        return tuple(sorted(found, key=_version_order))

    def _version(self, contract: Contract | None, version: str, document: Any, path: str) -> Any:
        """A version with everything pinned; operations are left out when the document is wrong."""
        if not isinstance(document, dict):
            self._refuse("must be an OpenAPI document", path, remedy="write a mapping", rule="openapi")
            document = {}
        name = f"{contract.contract}@{version}" if contract else ""
        earlier = self._published.get(f"contract/{name}")
        exact, pins, problems = pin(document, self._schemas, earlier.pins if earlier else (), path)
        doubtful = doubtful_references(document, self._lost)
        self._problems += [problem for problem in problems if problem.pointer not in doubtful]
        operations: tuple[Any, ...] = ()
        if document and not doubtful and not pins.keys() & self._broken:  # a broken schema is told once, at home
            try:
                reading = read_openapi(exact, self._schemas, self._validators, path)
                operations = reading.operations
                self._notes += reading.notes
            except Invalid as error:
                told = {problem.pointer for problem in problems}
                self._problems += [problem for problem in error.problems if problem.pointer not in told]
        if contract is None:
            return None
        if not operations:
            self._unread.add(contract.contract)
        sha256 = sha256_hex(canonical_json({"document": exact, "pins": pins}))
        return ContractVersion(contract, version, exact, pins, operations, sha256)


def binding_name(binding: Binding) -> str:
    return f"{binding.contract}/{binding.major}/{binding.entity}"


def named_files(node: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Pointer and path of each file that a config names: text members called `…_file`."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name.endswith("_file") and isinstance(value, str):
                yield f"{pointer}/{name}", value
            else:
                yield from named_files(value, f"{pointer}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from named_files(value, f"{pointer}/{index}")


def _version_order(version: ContractVersion) -> tuple[str, tuple[int, int, int]]:
    name = version.contract.contract
    return name, version_key(version.version) if is_version(version.version) else (0, 0, 0)
