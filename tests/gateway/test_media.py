"""Bodies and parameters whose content nobody can check: media type and presence still count."""

from __future__ import annotations

import msgspec
import pytest

from tests.gateway.rig import workspace_files
from tests.gateway.test_runner import refused, run

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
STRICT = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}
PATH = "/buying/v1/scans"


def files():
    """A contract that takes forms, answers CSV, and filters by a deep object; nothing has an operationId."""
    upload = {
        "requestBody": {"required": True, "content": {FORM: {"schema": STRICT}, MULTIPART: {"schema": STRICT}}},
        "responses": {"201": {"description": "x", "content": {"text/csv": {"schema": {"type": "array"}}}}},
    }
    listing = {
        "parameters": [
            {"name": "filter", "in": "query", "required": True, "style": "deepObject", "schema": {"type": "object"}}
        ],
        "responses": {"200": {"description": "x", "content": {"text/csv": {"schema": {"type": "array"}}}}},
    }
    page = {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
        "responses": {"200": {"description": "x", "content": {"application/pdf": {}}}},
    }
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Scans", "version": "1.0.0"},
        "paths": {"/scans": {"post": upload, "get": listing}, "/scans/{id}.pdf": {"get": page}},
    }
    consumer = {"consumer": "ap", "name": "AP", "entities": ["north"], "contracts": {"buying.orders": []}}
    none = {"consumers__both": None, "consumers__reader": None, "consumers__stranger": None}
    return workspace_files(**{"contracts/buying/orders/1.0.0/openapi": document, "consumers/ap": consumer, **none})


def typed(gateway, media, body=b"a;b"):
    """The system answers `body` as `media`."""
    send = gateway.system.send

    async def sent(*arguments):
        answer = await send(*arguments)
        headers = [pair for pair in answer.headers if pair[0] != b"content-type"]
        return msgspec.structs.replace(answer, headers=[*headers, (b"content-type", media.encode())])

    gateway.system.respond = lambda call: (201 if call["method"] == b"POST" else 200, body)
    gateway.system.send = sent


@pytest.mark.parametrize(
    "media", [FORM, f"{MULTIPART}; boundary=x", "Application/X-WWW-form-urlencoded; charset=utf-8"]
)
def test_a_declared_form_passes_byte_for_byte(tmp_path, media):
    """Its content is not checked; the record names the operation by method and path."""
    body = b"anything=%ff&{not json"

    async def go(gateway):
        typed(gateway, "text/csv; charset=utf-8")
        answer = await gateway.call("POST", PATH, body, headers={"Content-Type": media})
        assert gateway.system.calls[0]["body"] == body
        assert dict(gateway.system.calls[0]["headers"])[b"content-type"] == media.encode()
        return answer

    answer, (record,) = run(tmp_path, go, files())
    assert (answer.status, answer.body) == (201, b"a;b")
    assert (record["operation"], record["executed"]) == ("post-scans", "yes")


@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/octet-stream", "multipart/mixed"])
def test_another_media_type_is_refused(tmp_path, media):
    async def go(gateway):
        return await gateway.call("POST", PATH, b'{"file": "x"}', headers={"Content-Type": media})

    refused(tmp_path, go, 415, "media-type-unsupported", files())


def test_a_required_form_must_be_there(tmp_path):
    async def go(gateway):
        return await gateway.call("POST", PATH, headers={"Content-Type": FORM})

    refused(tmp_path, go, 400, "body-missing", files())


def test_an_answer_of_another_media_type_is_withheld(tmp_path):
    """The declared media type of an answer is enforced as well, whatever its content."""

    async def go(gateway):
        typed(gateway, "text/html")
        return await gateway.call("POST", PATH, b"file=x", headers={"Content-Type": FORM})

    answer, (record,) = run(tmp_path, go, files())
    assert (answer.status, answer.json()["code"], answer.json()["executed"]) == (502, "response-violation", "yes")
    assert record["executed"] == "yes"


@pytest.mark.parametrize("query", ["filter[a]=1&filter[b]=x", "filter%5Ba%5D=1"])
def test_a_deep_object_passes(tmp_path, query):
    async def go(gateway):
        typed(gateway, "text/csv")
        answer = await gateway.call("GET", f"{PATH}?{query}")
        assert gateway.system.calls[0]["target"].decode() == f"/scans?{query}"
        return answer

    answer, (record,) = run(tmp_path, go, files())
    assert (answer.status, record["operation"]) == (200, "get-scans")


def test_a_deep_object_that_is_required_must_be_there(tmp_path):
    async def go(gateway):
        return await gateway.call("GET", f"{PATH}?other[a]=1")

    answer, _ = refused(tmp_path, go, 422, "schema-violation", files())
    pointers = {each["pointer"] for each in answer.json()["violations"]}
    assert pointers == {"#/query/filter", "#/query/0"}, "it is missing, and what came instead is not declared"


def test_text_beside_a_parameter_in_a_segment(tmp_path):
    """Only the parameter is checked as such; a path without the text is unknown."""

    async def go(gateway):
        typed(gateway, "application/pdf")
        paths = (f"{PATH}/7.pdf", f"{PATH}/seven.pdf", f"{PATH}/7.txt", f"{PATH}/7")
        return [(await gateway.call("GET", path)).status for path in paths], len(gateway.system.calls)

    (statuses, calls), _ = run(tmp_path, go, files())
    assert (statuses, calls) == ([200, 422, 404, 404], 1)
