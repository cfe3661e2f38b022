"""An answer against the contract, by the law that gateways enforce (`policies.builtin.response_schema`), and by what
is asked of a test beyond it: required headers, problem documents, no failure of the system's own. Pure.

Nothing that is said holds a value of a payload.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from catalog.contract import Operation
from catalog.errors import Violation
from catalog.pointer import join
from catalog.schema import Validators
from controlplane.conformance.case import Case
from controlplane.conformance.declared import Declared
from policies.builtin.response_schema import ResponseSchema
from policies.request import Request, Response

Level = Literal["error", "warning"]
PROBLEM = "application/problem+json"


class Rule(msgspec.Struct, frozen=True):
    """What a run may find."""

    id: str
    title: str
    level: Level = "error"
    remedy: str = ""


_MEND = "mend the system, or the contract where the system is right"
_DECLARE = "declare the body of the error in the contract, or answer application/problem+json"
RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule("status-undeclared", "The status of an answer is declared", remedy=_MEND),
        Rule("media-type", "The media type of an answer is declared", remedy=_MEND),
        Rule("content-encoding", "An answer comes in no coding that nobody asked for", remedy=_MEND),
        Rule("json", "A JSON answer is well-formed", remedy=_MEND),
        Rule("body-missing", "An answer has the body that is declared", remedy=_MEND),
        Rule("response-schema", "An answer fits its schema as answers are read (without writeOnly)", remedy=_MEND),
        Rule("header-missing", "Required headers of an answer are there", remedy=_MEND),
        Rule("problem-document", "An error whose body nobody declares is told as RFC 9457 says", "warning", _DECLARE),
        Rule("problem-status", "A problem document tells the status of its answer", remedy=_MEND),
        Rule("server-error", "An allowed request makes no system fail", remedy="see the system's log"),
        Rule("no-answer", "A request is answered in time and in bounds", remedy="raise --timeout, or mend the system"),
        Rule("forbidden-accepted", "A request that the contract forbids is refused (4xx)", remedy=_MEND),
        Rule("request-refused", "A request that the contract allows is not refused as malformed", "warning", _MEND),
        Rule("operation-missing", "The system has every operation that is declared", "warning", _MEND),
        Rule("credential-refused", "The credential is accepted", "warning", "give one by --header"),
        Rule("nothing-exercised", "At least one operation answers with success", remedy="see why, each"),
    )
}
_KNOWN = frozenset({"status-undeclared", "media-type", "content-encoding", "json", "body-missing"})


class Breach(msgspec.Struct, frozen=True):
    """One thing that an answer breaks. `location` points into the contract's document, `pointer` into the answer."""

    rule: str
    location: str
    pointer: str
    message: str


class Judge:
    """Judges the answers of one operation."""

    def __init__(self, document: Mapping[str, Any], operation: Operation, validators: Validators) -> None:
        self._operation = operation
        declared = {
            status: {media: validators.handle(schema) for media, schema in content.items()}
            for status, content in operation.response_schemas.items()
        }
        self._law = ResponseSchema(declared, validators, check_errors=True)
        self._declared = Declared(document, operation)

    def breaches(self, case: Case, answer: Response) -> Iterator[Breach]:
        """Everything that is wrong with the answer to `case`."""
        status = self._status(answer.status)
        place = join(self._operation.pointer, "responses", *([status] if status else []))
        request = Request("", case.method, case.path, "", [], 0.0)
        for violation in self._law.decide(request, answer).violations:
            yield _breach(violation, place, answer)
        for name in self._missing(status, answer):
            message = f"expected the header {name}, found none"
            yield Breach("header-missing", join(place, "headers", name), f"#/header/{name.lower()}", message)
        if answer.status >= 400 and case.method != "HEAD":
            yield from self._problem(status, place, answer)
        yield from _outcome(case, answer, place)

    def _status(self, status: int) -> str:
        """The declared name that a status falls under; "" for none (OpenAPI 3.1.1 §4.8.16)."""
        names = (str(status), f"{status // 100}XX", "default")
        return next((name for name in names if name in self._operation.response_schemas), "")

    def _missing(self, status: str, answer: Response) -> list[str]:
        there = {name.decode("latin-1") for name, _ in answer.headers}
        return [name for name in self._declared.headers(status) if name.lower() not in there] if status else []

    def _problem(self, status: str, place: str, answer: Response) -> Iterator[Breach]:
        """An error that is declared otherwise is as declared; one whose body nobody declares is a problem document."""
        content = self._operation.response_schemas.get(status, {})
        if not content and status and answer.media != PROBLEM:
            message = f"the contract declares no body for it, so {PROBLEM} was expected; found another type"
            yield Breach("problem-document", place, "#/header/content-type", message)
        told = answer.document
        if answer.media == PROBLEM and isinstance(told, dict) and told.get("status", answer.status) != answer.status:
            yield Breach("problem-status", place, "/status", "expected the status of the answer, found another")


def _outcome(case: Case, answer: Response, place: str) -> Iterator[Breach]:
    status = answer.status
    if status >= 500:
        yield Breach("server-error", place, "#/status", f"expected an answer below 500, found {status}")
    elif case.kind == "forbidden" and status < 400:
        yield Breach("forbidden-accepted", place, "#/status", f"expected 4xx for {case.about}, found {status}")
    elif case.kind != "forbidden" and (status == 405 or (status == 404 and case.is_told)):
        message = f"expected the operation to be there, found {status} for what the system itself told of"
        yield Breach("operation-missing", place, "#/status", message)
    elif case.kind != "forbidden" and status in (401, 403):
        message = f"expected the credential to be taken, found {status}"
        yield Breach("credential-refused", place, "#/status", message)
    elif case.kind != "forbidden" and status in (400, 415):
        what = "an example of the contract" if case.about else "a request that the contract allows"
        yield Breach("request-refused", place, "#/status", f"expected {what} to be taken, found {status}")


def _breach(violation: Violation, place: str, answer: Response) -> Breach:
    if violation.rule == "status-undeclared":
        return Breach(violation.rule, place, violation.pointer, f"expected a declared status, found {answer.status}")
    if violation.rule in _KNOWN:
        return Breach(violation.rule, place, violation.pointer, f"the answer {violation.message}")
    where = violation.pointer or "the body"
    return Breach("response-schema", place, violation.pointer, f"{where} {violation.message} [{violation.rule}]")
