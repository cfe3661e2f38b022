"""A schema that this gateway cannot compile: the call is refused as such, never let through and never a crash."""

from catalog.schema import Validators
from policies.builtin import response_schema
from policies.builtin.request_schema import Config, RequestSchema
from policies.builtin.response_schema import ResponseSchema
from policies.request import Response
from tests.policies.calling import around, operation, request

UNCOMPILABLE = {"type": "string", "pattern": "(?=x)"}
JSON = {"Content-Type": "application/json"}
KINDS = {"application/json": UNCOMPILABLE}


def test_a_request_that_cannot_be_checked_is_refused():
    """503 of the policy's own code, each time."""
    chosen = operation(request_schemas=KINDS)
    policy = RequestSchema.compile(Config(), around(chosen, validators=Validators(is_lazy=True)))
    for _ in range(2):
        decision = policy.decide(request(JSON, b'"x"', document="x"), {})
        assert (decision.kind, decision.status, decision.code) == ("reject", 503, "schema-not-compiled")


def test_an_answer_that_cannot_be_checked_is_withheld():
    """502 of the policy's own code."""
    chosen = operation(response_schemas={"200": KINDS})
    policy = ResponseSchema.compile(response_schema.Config(), around(chosen, validators=Validators(is_lazy=True)))
    answer = Response(200, [(b"content-type", b"application/json")], b'"x"')
    answer.document = "x"
    decision = policy.decide(request(), answer)
    assert (decision.kind, decision.status, decision.code) == ("reject", 502, "schema-not-compiled")
