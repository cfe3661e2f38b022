"""One loading of a whole workspace: kind by kind, then what the kinds must agree on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from catalog.consistency import consistency_problems
from catalog.envelope import Envelope
from catalog.errors import Problem
from catalog.governance import Governance, governance_problems
from catalog.inventory import (
    FOLDERS,
    GOVERNANCE,
    LIBRARIES,
    LIBRARY_PREFIX,
    SETTINGS,
    SUFFIXES,
    ConfigCheck,
    LintSettings,
    Settings,
    Workspace,
)
from catalog.lint.setting import lint_problems
from catalog.loading.contract import CONTRACT, OVERLAY, VERSION, ContractReader
from catalog.loading.figure import read_measures, read_slos
from catalog.loading.file import Files
from catalog.loading.network import (
    read_bindings,
    read_calendars,
    read_consumers,
    read_entities,
    read_records,
    read_systems,
    read_templates,
)
from catalog.loading.policy import PolicyReader
from catalog.loading.schema import OWNERSHIP, SCHEMA, SchemaReader, read_ownerships
from catalog.loading.waiver import read_waivers
from catalog.pointer import join
from catalog.schema import Validators
from catalog.shape import shape
from catalog.snapshot import Published


class Loader:
    """One loading. Problems gather; nothing raises."""

    def __init__(
        self,
        content: Mapping[str, bytes],
        policy_kinds: Mapping[str, ConfigCheck] | None,
        unshadowable: Collection[str],
        bundle: Sequence[Envelope],
        published: Mapping[str, Published],
    ) -> None:
        self._files = Files(content)
        self._policies = PolicyReader(self._files, policy_kinds, unshadowable, bundle)
        self._published = published

    def load(self) -> tuple[Workspace, list[Problem]]:
        files = self._files
        self._misplaced()
        settings = self._settings()
        validators = Validators()
        schema_reader = SchemaReader(files, validators)
        schemas = schema_reader.read()
        reader = ContractReader(files, validators, schemas, schema_reader.broken, self._published)
        contracts = reader.contracts()
        envelopes = self._policies.read()
        templates = read_templates(files)
        entities = read_entities(files, templates)
        workspace = Workspace(
            name=settings.workspace if settings else "",
            contracts=contracts,
            versions=reader.versions(contracts),
            schemas=schemas,
            ownerships=read_ownerships(files),
            templates=templates,
            calendars=read_calendars(files),
            entities=entities,
            systems=read_systems(files),
            bindings=read_bindings(files, entities, templates),
            records=read_records(files),
            consumers=read_consumers(files, entities, templates),
            envelopes=envelopes,
            policy_files={name: self._policies.named(envelope) for name, envelope in envelopes.items()},
            slos=read_slos(files),
            measures=read_measures(files),
            waivers=read_waivers(files),
            governance=self._governance(),
            notes=tuple(files.notes),
            sources=files.sources,
            lint=settings.lint if settings else LintSettings(),
        )
        problems = [*files.problems, *consistency_problems(workspace, reader.unread, files.lost)]
        return workspace, sorted(dict.fromkeys(problems), key=lambda item: (item.file, item.pointer, item.message))

    def _misplaced(self) -> None:
        for path in self._files.content:
            plain = path.removeprefix(LIBRARY_PREFIX)
            folder = plain.partition("/")[0]
            forms = {"contracts": (CONTRACT, VERSION, OVERLAY), "schemas": (SCHEMA, OWNERSHIP)}.get(folder)
            if forms and plain.endswith(SUFFIXES) and not any(form.fullmatch(plain) for form in forms):
                remedy = "contracts/<domain>/<object>/[<version>/openapi.yaml] or schemas/<object>/<version>.json"
                self._files.refuse("not a place for a file", path, remedy=remedy)
            elif folder not in FOLDERS and plain.endswith((".yaml", ".yml")) and plain not in (SETTINGS, GOVERNANCE):
                self._files.refuse("not in a folder of a workspace", path, remedy=f"folders are {', '.join(FOLDERS)}")

    def _settings(self) -> Settings | None:
        if SETTINGS not in self._files.content:
            self._files.refuse("file is missing", SETTINGS, remedy="write {workspace: NAME, include: []}")
            return None
        data = self._files.one(SETTINGS)
        if data is None:
            return None
        settings, problems = shape(data, Settings, SETTINGS)
        self._files.problems += problems
        for index, name in enumerate(settings.include if settings else []):
            if name not in LIBRARIES:
                self._files.refuse(
                    f"no library {name!r}", SETTINGS, join("/include", index), f"known: {', '.join(LIBRARIES)}"
                )
        if settings is not None:
            self._files.problems += lint_problems(settings.lint)
        return settings

    def _governance(self) -> Governance | None:
        data = self._files.one(GOVERNANCE) if GOVERNANCE in self._files.content else None
        if data is None:
            return None
        governance, problems = shape(data, Governance, GOVERNANCE)
        self._files.problems += problems
        if governance is not None:
            self._files.sources["governance/workspace"] = GOVERNANCE
            self._files.problems += governance_problems(governance, GOVERNANCE)
        return governance
