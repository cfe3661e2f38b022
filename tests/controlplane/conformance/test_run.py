"""A run over a real socket: what is called, what is found, what is left out and why."""

from __future__ import annotations

import copy
import itertools

import pytest

from catalog.errors import Invalid
from controlplane.conformance.run import NO_TIME, NOT_SAFE, Plan, run
from controlplane.conformance.send import MOST_BYTES, Sender
from controlplane.registry.candidate import load_workspace
from tests.controlplane.conformance.conftest import DOCUMENT, ONE, System, files, good, listening


def tried(version, answer, plan=None, timeout_s=5.0, **more):
    """The outcome, the findings as (rule, operation), and the system with the calls that it took."""
    system = System(answer)
    numbers = itertools.count()
    with listening(system) as url, Sender(url, more.pop("headers", {}), timeout_s) as sender:
        outcome = run(version, plan or Plan(cases=1), sender.send, lambda: f"key-{next(numbers)}", **more)
    return outcome, sorted((found.rule, found.operation) for found in outcome.findings), system


def altered(path, status=None, document=None, headers=None):
    """The good shop with another answer at one path."""

    def answer(method, where, query, body):
        told = good(method, where, query, body)
        if where != path:
            return told
        return (
            told[0] if status is None else status,
            told[1] if document is None else document,
            told[2] if headers is None else headers,
        )

    return answer


def state(outcome, operation):
    return next((each.state, each.reason) for each in outcome.operations if each.operation == operation)


def test_a_system_that_keeps_its_contract_conforms(version) -> None:
    """The id of the single object is what the list told, and what cannot be asked for is told with the reason."""
    outcome, found, system = tried(version, good)
    assert outcome.conforms and found == []
    assert ("GET", "/orders/o-17", "", b"") in system.calls
    assert state(outcome, "orders.get") == ("conforms", "")
    idle = state(outcome, "stock.get")
    assert idle[0] == "not exercised" and "--parameter place=" in idle[1]


def test_what_is_not_safe_is_called_only_when_it_is_named(version) -> None:
    """POST that executes nothing (x-waybill safe) is called; POST and DELETE are not."""
    outcome, _, system = tried(version, good)
    assert {(method, path) for method, path, _, _ in system.calls} == {
        ("GET", "/orders"),
        ("GET", "/orders/o-17"),
        ("POST", "/order-checks"),
    }
    assert state(outcome, "orders.delete") == ("not exercised", NOT_SAFE)
    _, _, system = tried(version, good, Plan(include=frozenset({"orders.create"})))
    assert {path for method, path, _, _ in system.calls if method == "POST"} == {"/orders", "/order-checks"}
    _, _, system = tried(version, good, Plan(is_unsafe=True))
    assert system.calls[-1][0] == "DELETE"


@pytest.mark.parametrize(
    ("answer", "rule", "operation"),
    [
        (altered("/orders", document={"items": [{**ONE, "total": 12}]}), "response-schema", "orders.list"),
        (altered("/orders", document={"items": [{**ONE, "extra": 1}]}), "response-schema", "orders.list"),
        (altered("/orders", status=206), "status-undeclared", "orders.list"),
        (altered("/orders", headers={"content-type": "text/html"}), "media-type", "orders.list"),
        (altered("/orders", document=b"{"), "json", "orders.list"),
        (altered("/orders", document=b""), "body-missing", "orders.list"),
        (altered("/orders/o-17", headers={}), "header-missing", "orders.get"),
        (altered("/order-checks", status=500, document={}), "server-error", "orders.check"),
        (altered("/orders", document=b" " * (MOST_BYTES + 1)), "no-answer", "orders.list"),
        (
            altered("/orders", status=302, headers={"location": "http://127.0.0.1:1/"}),
            "status-undeclared",
            "orders.list",
        ),
        (altered("/orders/o-17", status=404, document={"status": 500}), "problem-status", "orders.get"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_the_contract_is_found(version, answer, rule, operation) -> None:
    """Each with the operation and a place in the document; nothing of the payload is told."""
    outcome, found, _ = tried(version, answer)
    assert not outcome.conforms and (rule, operation) in found
    (told,) = (each for each in outcome.findings if each.rule == rule and each.operation == operation)
    assert told.location.startswith("/paths/~1order") and told.count >= 1
    assert "o-17" not in told.message and "12" not in told.message.replace("127", "")


def test_an_answer_that_comes_too_late_is_none(version) -> None:
    import time

    def slow(*call):
        time.sleep(0.4)
        return good(*call)

    outcome, found, _ = tried(version, slow, Plan(cases=1), timeout_s=0.1)
    assert not outcome.conforms and ("no-answer", "orders.list") in found


def test_a_request_that_the_contract_forbids_must_be_refused(version) -> None:
    """Asked for only: the good shop refuses a wrong body, and takes any limit."""
    outcome, found, system = tried(version, good)
    assert all("limit=%C2%A7" not in query for _, _, query, _ in system.calls)
    outcome, found, system = tried(version, good, Plan(cases=5, is_forbidden_tried=True))
    assert found == [("forbidden-accepted", "orders.list")] and not outcome.conforms
    refused = [body for _, path, _, body in system.calls if path == "/order-checks"]
    assert len(refused) > 5


def test_where_nothing_succeeds_nothing_conforms(version) -> None:
    outcome, found, _ = tried(version, lambda *call: (404, {"status": 404}, {}))
    assert not outcome.conforms and outcome.verdict == "not exercised" and ("nothing-exercised", "") in found
    assert state(outcome, "orders.list")[0] == "refused"


def test_an_operation_that_the_system_does_not_have_is_told(version) -> None:
    """The id came from the system, so that 404 does not mean the object."""
    gone = altered("/orders/o-17", status=404, document={"status": 404})
    outcome, found, _ = tried(version, gone)
    assert found == [("operation-missing", "orders.get")]
    assert state(outcome, "orders.get")[0] == "refused"


def test_the_same_seed_makes_the_same_requests(version) -> None:
    runs = [tried(version, good, Plan(seed=seed, is_forbidden_tried=True))[2].calls for seed in (3, 3, 4)]
    assert runs[0] == runs[1] and runs[0] != runs[2]


def test_requests_and_time_are_bounded(version) -> None:
    outcome, _, system = tried(version, good, Plan(cases=2))
    assert outcome.requests == len(system.calls) <= 6
    outcome, _, system = tried(version, good, has_time=lambda: False)
    assert system.calls == [] and state(outcome, "orders.list") == ("not exercised", NO_TIME)


def test_what_is_given_stands_before_what_the_contract_declares(version) -> None:
    plan = Plan(parameters={"place": ["north"], "limit": ["7"]})
    _, _, system = tried(version, good, plan, headers={"X-API-Key": "k", "Accept": "text/plain"})
    assert ("GET", "/stock/north", "", b"") in system.calls
    assert {query for _, path, query, _ in system.calls if path == "/orders"} == {"limit=7"}
    assert all(sent[b"x-api-key"] == b"k" and sent[b"accept"] == b"text/plain" for sent in system.headers)
    _, _, system = tried(version, good, Plan(parameters={"total": ["4711"]}))
    checked = [body for _, path, _, body in system.calls if path == "/order-checks"]
    assert checked and all(b'"total":"4711"' in body for body in checked)


def test_an_operation_that_does_not_exist_cannot_be_named(version) -> None:
    with pytest.raises(Invalid, match="it has orders"):
        tried(version, good, Plan(include=frozenset({"orders.erase"})))


def test_a_parameter_that_does_not_exist_cannot_be_given(version) -> None:
    with pytest.raises(
        Invalid, match="no parameter and no member of a body plaec; its parameters are id, limit, place"
    ):
        tried(version, good, Plan(parameters={"plaec": ["north"]}))


def test_every_value_that_is_given_is_tried(version) -> None:
    """Empty is no value of a path: it would be another path."""
    plan = Plan(cases=5, parameters={"place": ["north", "", "south", "east"]})
    _, _, system = tried(version, good, plan)
    stock = {path for _, path, _, _ in system.calls if path.startswith("/stock")}
    assert stock == {"/stock/north", "/stock/south", "/stock/east"}


def test_an_error_whose_body_nobody_declares_breaks_nothing() -> None:
    """It is told as a warning: gateways let it through."""
    plain = altered("/orders/o-17", status=410, headers={"content-type": "application/json"})
    document = copy.deepcopy(DOCUMENT)
    document["paths"]["/orders/{id}"]["get"]["responses"]["410"] = {"description": "Gone."}
    (changed,) = load_workspace(files(document)).versions
    outcome, found, _ = tried(changed, plain)
    assert ("problem-document", "orders.get") in found and outcome.conforms
