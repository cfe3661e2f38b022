"""What `x-waybill` may say: every expression compiles, reads something that is there, and is known in time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from catalog.contract import Extension, Operation, Reconcile
from catalog.errors import Invalid, Problem
from catalog.expression import Expression, compile_expression, json_template
from catalog.pointer import join, parse

_NAMED = re.compile(r"\$request\.(path|query)\.([^{}]+)")


def extension_problems(operation: Operation, operations: Sequence[Operation], file: str, pointer: str) -> list[Problem]:
    """Everything that is wrong with an operation's extension; `pointer` is where it stands in `file`."""
    check = _Check(operation, file, pointer)
    check.run()
    if operation.extension.reconcile is not None:
        check.reconcile(operation.extension.reconcile, operations)
    return check.problems


def texts(value: str | list[str] | None) -> list[str]:
    """Expressions that may be written alone or as a list."""
    return [value] if isinstance(value, str) else list(value or ())


class _Check:
    def __init__(self, operation: Operation, file: str, pointer: str) -> None:
        self.problems: list[Problem] = []
        self._operation = operation
        self._file = file
        self._pointer = pointer

    def _refuse(self, message: str, *place: str | int, remedy: str = "") -> None:
        pointer = join(self._pointer, *place)
        self.problems.append(Problem(message, pointer=pointer, file=self._file, remedy=remedy, rule="x-waybill"))

    def run(self) -> None:
        extension = self._operation.extension
        for text, place, is_early in expressions(extension):
            self._expression(text, place, is_early)
        if extension.object is None:
            for name in ("id", "aliases", "event", "links", "amount", "status"):
                if getattr(extension, name):
                    self._refuse(f"{name} needs object", name, remedy="add object: the type it is about")
        elif not extension.id and (extension.event or extension.links or extension.aliases):
            self._refuse("event, links and aliases need id", "id", remedy="add id: $response.body#/id or alike")
        if self._operation.is_event:
            self._event()
        if extension.delivery == "async":
            self._refuse("asynchronous delivery is not available yet", "delivery", remedy="use sync")
        if self._operation.is_safe and extension.idempotency in ("required", "optional"):
            self._refuse("a safe operation takes no idempotency key", "idempotency", remedy="remove it")
        if self._operation.is_safe and extension.reconcile is not None:
            self._refuse("a safe operation has nothing to reconcile", "reconcile", remedy="remove it")

    def _event(self) -> None:
        """An event is told, not asked for: no system answers, and it is the same one by its source and id."""
        extension = self._operation.extension
        if extension.object is not None and not extension.id:
            self._refuse("an event needs the id of its object", "id", remedy="add id: $request.body#/data/id or alike")
        for name in ("idempotency", "safe", "reconcile", "serialise"):
            if getattr(extension, name):
                self._refuse(f"{name} says nothing about an event", name, remedy="remove it")

    def _expression(self, text: str, place: tuple[str | int, ...], is_early: bool) -> None:
        try:
            expression = compile_expression(text)
        except Invalid as error:
            for problem in error.problems:
                self._refuse(problem.message, *place, remedy=problem.remedy)
            return
        self._sources(expression, place, is_early)

    def _sources(self, expression: Expression, place: tuple[str | int, ...], is_early: bool) -> None:
        """Whether what `expression` reads can be there; `is_early`: before the system has answered."""
        operation = self._operation
        if is_early and any(source.startswith("response.") for source in expression.sources):
            self._refuse("cannot come from the response", *place, remedy="it is needed before the call: use $request")
        elif operation.is_event and any(source.startswith("response.") for source in expression.sources):
            self._refuse("nothing answers an event", *place, remedy="use $request.body#/data/…")
        if operation.is_event and "$request.header.ce-" in expression.text.lower():
            self._refuse("a header in binary mode only", *place, remedy="use $request.body#/<attribute>")
        if "request.body" in expression.sources and not operation.request_schemas:
            self._refuse("the operation has no request body", *place, remedy="use $request.path, .query or .header")
        if place[0] != "legal_entity" and "reference" in expression.sources:
            self._refuse("$reference is known to legal_entity only", *place, remedy="use another expression")
        elif "reference" in expression.sources and not (operation.extension.object and operation.extension.id):
            self._refuse("$reference needs object and id", *place, remedy="add both")
        declared = {(parameter.place, parameter.name) for parameter in operation.parameters}
        for where, name in _NAMED.findall(expression.text):
            if (where, name) not in declared:
                self._refuse(f"{where} parameter {name!r} is not declared", *place, remedy=_known(declared, where))

    def reconcile(self, plan: Reconcile, operations: Sequence[Operation]) -> None:
        found = next((other for other in operations if other.id == plan.operation), None)
        if found is None or found.method != "GET":
            self._refuse("not a GET of this contract", "reconcile", "operation", remedy="write its operationId")
        else:
            known = {p.name for p in found.parameters if p.place in ("path", "query")}
            needed = {p.name for p in found.parameters if p.required}
            for name in sorted(plan.by.keys() - known):
                self._refuse(
                    f"{found.id} has no path or query parameter {name!r}",
                    *("reconcile", "by", name),
                    remedy=f"known are {', '.join(sorted(known)) or 'none'}",
                )
            for name in sorted(needed - plan.by.keys()):
                self._refuse(f"{found.id} requires {name!r}", "reconcile", "by", remedy=f"add {name}")
        if not plan.by:
            self._refuse("needs at least one parameter", "reconcile", "by", remedy="add {parameter: expression}")
        for name in sorted(plan.encoding.keys() - plan.by.keys()):
            self._refuse(f"`by` has no {name!r}", "reconcile", "encoding", name, remedy="name a member of `by`")
        for name, text in plan.by.items():
            try:
                expression = json_template(text)
            except Invalid as error:
                for problem in error.problems:
                    self._refuse(problem.message, "reconcile", "by", name, remedy=problem.remedy)
                continue
            self._sources(expression, ("reconcile", "by", name), is_early=True)
        for place, text in [(("select",), plan.select), *((("where", text), text) for text in plan.where)]:
            try:
                parse(text)
            except Invalid:
                self._refuse("not a JSON pointer", "reconcile", *place, remedy="such as /items")


def _known(declared: Collection[tuple[str, str]], where: str) -> str:
    names = sorted(name for place, name in declared if place == where)
    return f"declared are {', '.join(names) or 'none'}"


def expressions(extension: Extension) -> Iterator[tuple[str, tuple[str | int, ...], bool]]:
    """Text, place and whether it is needed before the system answers."""
    for index, text in enumerate(texts(extension.id)):
        yield text, ("id", index) if isinstance(extension.id, list) else ("id",), False
    for index, text in enumerate(texts(extension.legal_entity)):
        yield text, ("legal_entity", index) if isinstance(extension.legal_entity, list) else ("legal_entity",), True
    for index, text in enumerate(extension.aliases):
        yield text, ("aliases", index), False
    for index, link in enumerate(extension.links):
        yield link.id, ("links", index, "id"), False
        if link.assigner is not None:
            yield link.assigner, ("links", index, "assigner"), False
    for name in ("amount", "occurred_at", "status"):
        text = getattr(extension, name)
        if text is not None:
            yield text, (name,), False
    for index, text in enumerate(extension.serialise):
        yield text, ("serialise", index), True
