"""From a snapshot to what runs: routes and an `OperationPlan` each. What is wrong is found here, so that the snapshot
can be refused whole (NACK) before it has served a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from catalog.contract import ContractVersion, Operation
from catalog.errors import Invalid, Problem
from catalog.network import Binding, System, representatives
from catalog.running import Snapshot
from catalog.snapshot import canonical_json, sha256_hex
from catalog.version import version_key
from gateway.draft import JUDGING, Draft, by_base, twin
from gateway.entity import EntityResolver
from gateway.exchange import Meaning
from gateway.field import OperationFields
from gateway.inbound import TAKEN
from gateway.plan import OperationPlan, ReconcileTemplate, Target
from gateway.route import Router
from policies.chain import Compiler
from policies.keyset import Issuer, KeySource
from policies.policy import Surroundings

_RANK = {"published": 2, "deprecated": 1, "retired": 0}


class Compiled:
    """A snapshot ready to serve."""

    def __init__(
        self,
        snapshot: Snapshot,
        router: Router[OperationPlan],
        plans: Iterable[OperationPlan],
    ) -> None:
        manifest = snapshot.manifest
        self.generation = manifest.generation
        self.name = f"{manifest.generation}:{sha256_hex(canonical_json(msgspec.to_builtins(manifest)))[:12]}"
        self.router = router
        self.entities = snapshot.entities
        self.systems = snapshot.systems
        self._plans = {(plan.contract, plan.version.version, plan.operation.id): plan for plan in plans}

    def plan(self, contract: str, version: str, operation: str) -> OperationPlan | None:
        """The plan of an operation, also for whoever finishes an exchange of an earlier snapshot."""
        return self._plans.get((contract, version, operation))

    def take_over_fields(self, earlier: Compiled) -> None:
        """Which fields were told already of the operations that are the same as in the snapshot before."""
        for plan in self._plans.values():
            known = earlier.plan(plan.contract, plan.version.version, plan.operation.id)
            if plan.fields and known and known.fields and known.version.sha256 == plan.version.sha256:
                plan.fields.take_over(known.fields)

    def plans(self) -> list[OperationPlan]:
        return list(self._plans.values())

    def __len__(self) -> int:
        return len(self._plans)


KeySources = Callable[[Issuer, bytes], KeySource]


def compile_snapshot(
    snapshot: Snapshot, pepper: bytes, secrets: Mapping[str, str], key_source: KeySources, tells_fields: bool = True
) -> Compiled:
    """Raises `Invalid` with everything that is wrong: policies, missing secrets, routes that collide."""
    builder = _Builder(snapshot, pepper, secrets, key_source, tells_fields)
    builder.build()
    if builder.problems:
        raise Invalid(f"snapshot {snapshot.manifest.generation} refused", builder.problems)
    return Compiled(snapshot, builder.router, builder.plans)


class _Builder:
    def __init__(
        self,
        snapshot: Snapshot,
        pepper: bytes,
        secrets: Mapping[str, str],
        key_source: KeySources,
        tells_fields: bool,
    ) -> None:
        self.problems: list[Problem] = []
        self.router: Router[OperationPlan] = Router()
        self.plans: list[OperationPlan] = []
        self._snapshot = snapshot
        self._pepper = pepper
        self._key_source = key_source
        self._tells_fields = tells_fields
        self._targets = {name: self._target(system, secrets) for name, system in snapshot.systems.items()}
        self._bindings = _by_contract(snapshot.bindings)
        self._base_paths = {version.ref: version.base_path for version in snapshot.versions}
        self._scopes: dict[str, dict[str, frozenset[str]]] = {}
        self._representing = representatives(snapshot.entities)
        self._drafts = by_base(snapshot.versions, snapshot.drafts)

    def build(self) -> None:
        try:
            compiler = Compiler(self._snapshot.policies)
        except Invalid as error:
            self.problems += error.problems
            return
        for version in serving(self._snapshot.versions):
            for operation in version.operations:
                try:
                    plan = self._plan(compiler, version, operation)
                    self.router.add(operation.method, plan.route, plan)
                    self.plans.append(plan)
                except Invalid as error:
                    self.problems += error.problems or [Problem(error.detail, rule="snapshot")]
                except ValueError as error:
                    self.problems.append(Problem(f"{version.ref} {operation.id}: {error}", rule="snapshot"))

    def _target(self, system: System, secrets: Mapping[str, str]) -> Target:
        try:
            return Target(system, credential_header(system, secrets))
        except Invalid as error:
            self.problems += error.problems
            return Target(system, None)

    def _plan(self, compiler: Compiler, version: ContractVersion, operation: Operation) -> OperationPlan:
        contract, extension = version.contract.contract, operation.extension
        chain = compiler.chain(self._around(version, operation))
        targets = self._bound(contract, version.major)
        systems = {entity: target.system.system for entity, target in targets.items()}
        return OperationPlan(
            version=version,
            operation=operation,
            contract=contract,
            base_path=version.base_path,
            route=version.base_path + operation.path,
            key=f"{contract}/{version.major}/{operation.id}",
            layer=extension.layer or version.contract.layer,
            chain=chain,
            meaning=Meaning(extension),
            resolver=EntityResolver(extension, self._representing, systems),
            targets=targets,
            reconcile=_reconcile(version, operation),
            granted=self._granted(contract),
            chain_header=", ".join(chain.labels()).encode(),
            is_safe=operation.is_safe,
            is_retired=version.state.state == "retired",
            needs_body=bool(operation.request_schemas) or not operation.is_safe,
            passes_cookies=any(parameter.place == "cookie" for parameter in operation.parameters),
            fields=OperationFields(operation, self._snapshot.validators) if self._tells_fields else None,
            drafts=tuple(self._draft(compiler, each, operation) for each in self._drafts.get(version.ref, ())),
            header_names=_header_names(operation),
        )

    def _draft(self, compiler: Compiler, version: ContractVersion, operation: Operation) -> Draft:
        other = twin(version, operation)
        if other is None:
            return Draft(version.version, is_known=False)
        chain = compiler.chain(self._around(version, other), only=JUDGING)
        return Draft(version.version, chain.late, chain.back)

    def _around(self, version: ContractVersion, operation: Operation) -> Surroundings:
        return Surroundings(
            version=version,
            operation=operation,
            entities=self._snapshot.entities,
            consumers=self._snapshot.consumers,
            pepper=self._pepper,
            files={},
            validators=self._snapshot.validators,
            base_paths=self._base_paths,
            key_source=self._key_source,
            representing=self._representing,
            bound={item.entity: item.system for item in self._bindings.get(_major(version), ())},
            records=self._snapshot.records,
        )

    def _bound(self, contract: str, major: int) -> dict[str, Target]:
        found = {}
        for binding in self._bindings.get((contract, major), ()):
            target = self._targets.get(binding.system)
            if target is None:
                self.problems.append(Problem(f"binding of {contract}: no system {binding.system!r}", rule="snapshot"))
            else:
                found[binding.entity] = target
        return found

    def _granted(self, contract: str) -> dict[str, frozenset[str]]:
        """Scopes by consumer; shared by all operations of a contract."""
        if contract not in self._scopes:
            self._scopes[contract] = {
                name: frozenset((*given.get(contract, ()), *given.get("*", ())))
                for name, blob in self._snapshot.consumers.items()
                if (given := blob.consumer.contracts)
            }
        return self._scopes[contract]


def credential_header(system: System, secrets: Mapping[str, str]) -> tuple[bytes, bytes] | None:
    """The header that `system` asks for. Raises `Invalid` when its secret is missing or does not fit a header."""
    credential = system.credential
    if credential is None:
        return None
    value = secrets.get(credential.secret)
    line = (credential.prefix + (value or "")).strip()
    if not value:
        message, remedy = "is not known here", "put it into the gateway's secrets file or its environment"
    elif not (line.isascii() and line.isprintable()):
        message, remedy = "does not fit a header", "use printable ASCII characters"
    else:
        return credential.header.lower().encode(), line.encode()
    text = f"system {system.system}: the secret {credential.secret!r} {message}"
    raise Invalid(text, [Problem(text, remedy=remedy, rule="secret")])


def _header_names(operation: Operation) -> tuple[bytes, ...]:
    names = {parameter.name.lower().encode() for parameter in operation.parameters if parameter.place == "header"}
    return tuple(sorted(names - TAKEN))


def serving(versions: Iterable[ContractVersion]) -> Iterator[ContractVersion]:
    """Of each (contract, major) the highest published version, else the highest deprecated, else retired."""
    best: dict[tuple[str, int], ContractVersion] = {}
    for version in versions:
        key = (version.contract.contract, version.major)
        if version.state.state in _RANK and (key not in best or _order(version) > _order(best[key])):
            best[key] = version
    yield from best.values()


def _order(version: ContractVersion) -> tuple[int, tuple[int, int, int]]:
    return _RANK[version.state.state], version_key(version.version)


def _major(version: ContractVersion) -> tuple[str, int]:
    return version.contract.contract, version.major


def _by_contract(bindings: Iterable[Binding]) -> dict[tuple[str, int], list[Binding]]:
    found: dict[tuple[str, int], list[Binding]] = {}
    for binding in bindings:
        found.setdefault((binding.contract, binding.major), []).append(binding)
    return found


def _reconcile(version: ContractVersion, operation: Operation) -> ReconcileTemplate | None:
    declared = operation.extension.reconcile
    if declared is None:
        return None
    lookup = next((other for other in version.operations if other.id == declared.operation), None)
    if lookup is None:
        raise ValueError(f"reconcile names {declared.operation}, which is not there")
    return ReconcileTemplate(operation, lookup)
