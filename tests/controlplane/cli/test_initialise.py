"""`waybill init`: a workspace that passes lint as it is, around the library or the reader's own document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.controlplane.cli.conftest import run_waybill
from tests.controlplane.cli.test_program import is_readable
from tests.controlplane.workspace import OPENAPI

ORDERS_30 = """\
# kept byte for byte, comments and CRLF and all\r
openapi: 3.0.3
info: {title: "Orders & Returns API", version: 2.1.0}
paths:
  /orders:
    post:
      operationId: createOrder
      security: [{oauth: ["orders:write"]}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
      responses:
        "201":
          description: made
          headers: {Location: {schema: {type: string}}}
          content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
components:
  securitySchemes:
    oauth:
      type: oauth2
      flows: {clientCredentials: {tokenUrl: "https://idp.example/token", scopes: {"orders:write": writes}}}
  schemas:
    Order:
      type: object
      required: [id]
      properties:
        id: {type: string, nullable: true}
        quantity: {type: integer, minimum: 0, exclusiveMinimum: true}
"""


def init(tmp_path: Path, *arguments: str):
    return run_waybill("init", *arguments, cwd=tmp_path)


def test_the_scaffold_over_the_library_passes_lint(tmp_path: Path) -> None:
    result = init(tmp_path, "network")
    assert result.returncode == 0, result.stderr
    assert "waybill up network" in result.stdout
    assert run_waybill("lint", "network", cwd=tmp_path).stdout == "network: no problems\n"
    assert len(list((tmp_path / "network" / "entities").iterdir())) == 2


def test_a_readers_document_becomes_a_contract_byte_for_byte(tmp_path: Path) -> None:
    """OpenAPI 3.0 YAML: the scopes that it asks for are granted, what nobody enforces is named."""
    (tmp_path / "orders.yaml").write_bytes(ORDERS_30.encode())
    result = init(tmp_path, "shop", "--openapi", "orders.yaml", "--upstream", "http://127.0.0.1:9000/api/")
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "shop" / "contracts" / "integration" / "orders-returns-api"
    assert (folder / "1.0.0" / "openapi.yaml").read_bytes() == ORDERS_30.encode()
    contract = yaml.safe_load((folder / "contract.yaml").read_text())
    assert contract["contract"] == "integration.orders-returns-api"
    assert (contract["owner"], contract["steward"]) == ("integration", "integration")
    system = yaml.safe_load((tmp_path / "shop" / "systems" / "orders-returns-api.yaml").read_text())
    assert system["base_url"] == "http://127.0.0.1:9000/api"
    consumer = yaml.safe_load((tmp_path / "shop" / "consumers" / "client.yaml").read_text())
    assert consumer["contracts"] == {"integration.orders-returns-api": ["orders:write"]}
    assert "not enforced" in result.stdout and "header Location" in result.stdout
    assert run_waybill("lint", "shop", cwd=tmp_path).returncode == 0


def test_json_and_chosen_names(tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text(json.dumps(OPENAPI, indent=3))
    arguments = ["--upstream", "http://127.0.0.1:9", "--domain", "logistics", "--name", "parcels"]
    assert init(tmp_path, "w", "--openapi", "api.json", *arguments).returncode == 0
    kept = tmp_path / "w" / "contracts" / "logistics" / "parcels" / "1.0.0" / "openapi.json"
    assert kept.read_bytes() == (tmp_path / "api.json").read_bytes()
    assert run_waybill("lint", "w", cwd=tmp_path).returncode == 0


def test_what_cannot_be_enforced_is_refused_with_its_place(tmp_path: Path) -> None:
    """A reference to another file: named, and nothing is written."""
    text = ORDERS_30.replace("#/components/schemas/Order", "other.yaml#/Order", 1)
    (tmp_path / "orders.yaml").write_text(text)
    result = init(tmp_path, "shop", "--openapi", "orders.yaml", "--upstream", "http://127.0.0.1:9000")
    message = is_readable(result, 2)
    assert "orders.yaml#/paths/~1orders/post/requestBody" in message
    assert "contracts/" not in message and "bundle the document" in message
    assert not (tmp_path / "shop").exists()


REALISTIC = """\
openapi: 3.0.1
info: {title: Shipping, version: v7}
paths:
  /shipments:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded: {schema: {type: object, required: [to], properties: {to: {type: string}}}}
          multipart/form-data: {schema: {type: object, properties: {label: {type: string, format: binary}}}}
      responses: {"201": {description: made, content: {text/plain: {schema: {type: string, maxLength: 9}}}}}
    get:
      operationId: shipments/list
      parameters:
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object}}
        - {name: page, in: query, content: {application/json: {schema: {type: object}}}}
      responses: {"200": {description: all, content: {"*/*": {schema: {type: array, items: {type: object}}}}}}
  /shipments/{id}.{format}:
    get:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: format, in: path, required: true, schema: {type: string}}
      responses: {default: {description: one, content: {image/png: {schema: {type: string, maxLength: 5}}}}}
"""


def test_what_real_documents_hold_is_taken_and_named(tmp_path: Path) -> None:
    """No operationId, forms, files, deep objects and mixed segments: governed as far as can be, the rest is told."""
    (tmp_path / "shipping.yaml").write_text(REALISTIC)
    result = init(tmp_path, "w", "--openapi", "shipping.yaml", "--upstream", "http://127.0.0.1:9")
    assert result.returncode == 0, result.stderr
    kept = tmp_path / "w" / "contracts" / "integration" / "shipping" / "1.0.0" / "openapi.yaml"
    assert kept.read_bytes() == REALISTIC.encode()
    for told in ("post-shipments", "shipments-list", "get-shipments-id-format", "deepObject", "multipart/form-data"):
        assert told in result.stdout
    lint = run_waybill("lint", "w", cwd=tmp_path)
    assert lint.returncode == 0, lint.stdout
    assert lint.stdout.count("known as post-shipments") == 1


def test_a_title_without_a_name_asks_for_one(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text(ORDERS_30.replace("Orders & Returns API", "\u53d7\u6ce8"))
    arguments = ["--openapi", "o.yaml", "--upstream", "http://127.0.0.1:9"]
    assert "--name" in is_readable(init(tmp_path, "w", *arguments), 2)
    assert init(tmp_path, "w", *arguments, "--name", "orders").returncode == 0


def test_a_syntax_error_names_the_readers_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("openapi: 3.0.0\n  a: b\n")
    message = is_readable(init(tmp_path, "w", "--openapi", "mine.yaml", "--upstream", "http://127.0.0.1:9"), 2)
    assert "mine.yaml" in message and "openapi.yaml" not in message


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (ORDERS_30, []),
        (ORDERS_30, ["--upstream", "not an address"]),
        (ORDERS_30, ["--upstream", "http://127.0.0.1:9", "--name", "Big Name"]),
        (ORDERS_30, ["--upstream", "http://127.0.0.1:9", "--domain", "../etc"]),
        ("swagger: '2.0'\n", ["--upstream", "http://127.0.0.1:9"]),
        ("openapi: 3.1.0\nopenapi: 3.1.0\n", ["--upstream", "http://127.0.0.1:9"]),
        ("- a\n- list\n", ["--upstream", "http://127.0.0.1:9"]),
        ("a: [unclosed", ["--upstream", "http://127.0.0.1:9"]),
        ("", ["--upstream", "http://127.0.0.1:9"]),
    ],
)
def test_bad_input_is_one_message_and_writes_nothing(tmp_path: Path, content: str, arguments: list[str]) -> None:
    (tmp_path / "orders.yaml").write_text(content)
    is_readable(init(tmp_path, "shop", "--openapi", "orders.yaml", *arguments), 2)
    assert not (tmp_path / "shop").exists()


def test_an_existing_workspace_is_left_alone(tmp_path: Path) -> None:
    init(tmp_path, "w")
    (tmp_path / "w" / "waybill.yaml").write_text("workspace: mine\n")
    is_readable(init(tmp_path, "w"), 1)
    assert (tmp_path / "w" / "waybill.yaml").read_text() == "workspace: mine\n"


def test_the_result_also_comes_as_json(tmp_path: Path) -> None:
    result = init(tmp_path, "network", "--format", "json")
    made = json.loads(result.stdout)
    assert made["workspace"] == "network" and made["notes"] == []
    assert {"waybill.yaml", "systems/erp.yaml"} <= set(made["files"])
    assert all((tmp_path / "network" / file).is_file() for file in made["files"])
