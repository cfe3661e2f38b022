"""One run of a contract against a system: which operations, in which order, and what came of each. The requests
themselves are sent by whoever calls, so that this is as pure as they are.

Lists come first, so that the ids that their answers tell are there when single objects are asked for; then what
creates, then single objects, deletions last. What is not safe is exercised only when it is named, or all of it is
allowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Literal

import msgspec

from catalog.contract import ContractVersion, Operation
from catalog.errors import Invalid
from catalog.schema import Validators
from catalog.walk import objects_in
from controlplane.conformance.case import Case, Maker, Unknown
from controlplane.conformance.declared import Declared
from controlplane.conformance.judge import RULES, Breach, Judge, Level
from controlplane.conformance.known import Known, is_collection
from policies.request import Response

State = Literal["conforms", "breaks", "refused", "not exercised"]
Verdict = Literal["conforms", "breaks", "not exercised"]
NOTHING = "nothing-exercised"
NOT_SAFE = "it is not safe: name it by --include, or allow all by --unsafe"
NO_TIME = "the time for the run was up: raise --within"


class NoAnswer(Exception):
    """No answer that could be read: why, without a value."""


class Plan(msgspec.Struct, frozen=True):
    """What is asked of a run. `cases` are the requests of each operation at most."""

    cases: int = 5
    seed: int = 0
    is_unsafe: bool = False
    include: frozenset[str] = frozenset()  # operations beyond the safe ones, by name
    is_forbidden_tried: bool = False
    parameters: Mapping[str, Sequence[str]] = {}


class Found(msgspec.Struct, frozen=True):
    """What was found, how often, and a request that shows it."""

    rule: str
    level: Level
    operation: str
    location: str  # JSON pointer into the contract's document
    pointer: str  # into the answer
    message: str
    count: int
    case: Case


class Exercise(msgspec.Struct, frozen=True):
    """One operation. `refused`: every answer was a declared refusal, so that no success was seen."""

    operation: str
    method: str
    path: str
    state: State
    reason: str  # why it was not exercised, or only refused
    requests: int
    statuses: dict[str, int]  # status of the answers -> how many; "none" where there was no answer


class Outcome(msgspec.Struct, frozen=True):
    """A run: it conforms when nothing of level error was found and some operation answered with success."""

    operations: tuple[Exercise, ...]
    findings: tuple[Found, ...]
    requests: int

    @property
    def conforms(self) -> bool:
        return self.verdict == "conforms"

    @property
    def verdict(self) -> Verdict:
        """`not exercised`: nothing contradicts the contract, but no success was seen that could speak for it."""
        rules = {found.rule for found in self.findings if found.level == "error"}
        return "conforms" if not rules else "not exercised" if rules == {NOTHING} else "breaks"


Send = Callable[[Case], Response]  # raises NoAnswer


def run(
    version: ContractVersion,
    plan: Plan,
    send: Send,
    new_key: Callable[[], str],
    has_time: Callable[[], bool] = lambda: True,
    tell: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Exercise `version`. `has_time` is asked before each request, `tell` is told of each operation done.

    Raises: Invalid when `plan` names an operation or a parameter that the contract does not have.
    """
    names = {operation.id for operation in version.operations}
    unknown = sorted(plan.include - names)
    if unknown:
        raise Invalid(f"{version.ref} has no operation {', '.join(unknown)}; it has {', '.join(sorted(names))}")
    _require_parameters(version, plan.parameters)
    running = _Run(version, plan, send, new_key, has_time)
    done = {}
    for operation in sorted(version.operations, key=_turn):
        done[operation.id] = running.exercise(operation)
        tell(1)
    told = tuple(done[operation.id] for operation in version.operations)
    return Outcome(told, tuple(running.findings(told)), sum(each.requests for each in told))


def _require_parameters(version: ContractVersion, told: Mapping[str, Sequence[str]]) -> None:
    """Values are given for parameters, and for members that bodies of requests may have."""
    known = {parameter.name for operation in version.operations for parameter in operation.parameters}
    if told.keys() <= known:
        return
    schemas = [schema for operation in version.operations for schema in operation.request_schemas.values()]
    bodies = [each for operation in version.operations for each in _examples(version, operation)]
    members = {name for node, _ in objects_in(schemas) for name in _names(node)}
    members |= {name for body in bodies if isinstance(body, dict) for name in body}
    unknown = sorted(told.keys() - known - members)
    if unknown:
        message = f"{version.ref} has no parameter and no member of a body {', '.join(unknown)}"
        raise Invalid(f"{message}; its parameters are {', '.join(sorted(known)) or 'none'}")


def _names(schema: Mapping[str, Any]) -> Iterator[str]:
    declared = schema.get("properties")
    yield from declared if isinstance(declared, dict) else ()


def _examples(version: ContractVersion, operation: Operation) -> Iterator[Any]:
    declared = Declared(version.document, operation)
    yield from (example.value for media in operation.request_schemas for example in declared.bodies(media))


def _turn(operation: Operation) -> tuple[bool, bool, bool]:
    return operation.method == "DELETE", not is_collection(operation.path), not operation.is_safe


class _Run:
    def __init__(
        self,
        version: ContractVersion,
        plan: Plan,
        send: Send,
        new_key: Callable[[], str],
        has_time: Callable[[], bool],
    ) -> None:
        self._version = version
        self._plan = plan
        self._send = send
        self._new_key = new_key
        self._has_time = has_time
        self._validators = Validators()
        self._known = Known(plan.parameters)
        self._found: dict[tuple[str, Breach], tuple[int, Case]] = {}

    def exercise(self, operation: Operation) -> Exercise:
        if not (operation.is_safe or self._plan.is_unsafe or operation.id in self._plan.include):
            return _exercise(operation, "not exercised", NOT_SAFE)
        judge = Judge(self._version.document, operation, self._validators)
        statuses: Counter[str] = Counter()
        reason, is_broken = "", False
        try:
            for case in self._cases(operation):
                if not self._has_time():
                    reason = NO_TIME
                    break
                status, breaches = self._try(case, judge, operation)
                statuses[status] += 1
                is_broken |= any(RULES[breach.rule].level == "error" for breach in breaches)
        except Unknown as error:
            reason = str(error)
        return _judged(operation, statuses, reason, is_broken)

    def _cases(self, operation: Operation) -> Iterator[Case]:
        """The same requests for one seed, whatever else the contract holds."""
        random = Random(f"{self._plan.seed} {operation.id}")  # noqa: S311 - repeatable on purpose, nothing secret
        maker = Maker(self._version, operation, self._known, self._validators, self._new_key)
        yield from maker.allowed(self._plan.cases, random)
        if self._plan.is_forbidden_tried:
            yield from maker.forbidden(self._plan.cases, random)

    def _try(self, case: Case, judge: Judge, operation: Operation) -> tuple[str, list[Breach]]:
        try:
            answer = self._send(case)
        except NoAnswer as error:
            breaches = [Breach("no-answer", operation.pointer, "", f"expected an answer, {error}")]
            self._keep(case, breaches)
            return "none", breaches
        breaches = list(judge.breaches(case, answer))
        self._keep(case, breaches)
        if answer.status < 300 and case.kind != "forbidden" and answer.document is not None:
            self._known.learn(operation.path, answer.document)
        return str(answer.status), breaches

    def _keep(self, case: Case, breaches: Iterable[Breach]) -> None:
        for breach in breaches:
            count, first = self._found.get((case.operation, breach), (0, case))
            self._found[case.operation, breach] = (count + 1, first)

    def findings(self, told: Iterable[Exercise]) -> Iterator[Found]:
        for (operation, breach), (count, case) in self._found.items():
            level = RULES[breach.rule].level
            yield Found(breach.rule, level, operation, breach.location, breach.pointer, breach.message, count, case)
        if not any(status.startswith("2") for each in told for status in each.statuses):
            message = "no operation answered with success, so that nothing is known of the answers that count"
            yield Found(NOTHING, "error", "", "", "", message, 1, Case("", "generated", "", ""))


def _exercise(operation: Operation, state: State, reason: str) -> Exercise:
    return Exercise(operation.id, operation.method, operation.path, state, reason, 0, {})


def _judged(operation: Operation, statuses: Counter[str], reason: str, is_broken: bool) -> Exercise:
    state: State = "conforms"
    if is_broken:
        state = "breaks"
    elif not statuses:
        state = "not exercised"
    elif not any(status[0] in "23" for status in statuses):
        state, reason = "refused", reason or f"only refused ({', '.join(sorted(statuses))}): no success was seen"
    return Exercise(
        operation.id, operation.method, operation.path, state, reason, statuses.total(), dict(sorted(statuses.items()))
    )
