"""The operations of the library's contracts as cases: document, examples, and what expressions see of them."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from catalog.contract import ContractVersion, Operation
from catalog.expression import Context
from catalog.pointer import resolve
from catalog.workspace import Workspace, load


class Case(NamedTuple):
    version: ContractVersion
    operation: Operation

    @property
    def name(self) -> str:
        return f"{self.version.contract.contract}/{self.operation.id}"

    @property
    def verb(self) -> str:
        return self.operation.id.partition(".")[2]

    def is_in(self, names: set[str]) -> bool:
        """Whether the operation is meant by its verb or by its full name."""
        return self.verb in names or self.name in names

    @property
    def node(self) -> dict[str, Any]:
        """The operation as the document has it."""
        node: dict[str, Any] = self.version.document["paths"][self.operation.path][self.operation.method.lower()]
        return node

    def followed(self, node: dict[str, Any]) -> dict[str, Any]:
        """`node`, its local reference followed."""
        if "$ref" not in node:
            return node
        found: dict[str, Any] = resolve(self.version.document, node["$ref"][1:])
        return found

    def examples(self, holder: dict[str, Any]) -> list[Any]:
        """Examples of the JSON content of a request body or response, in order."""
        (content,) = self.followed(holder)["content"].values()
        return [self.followed(example)["value"] for example in content.get("examples", {}).values()]

    def requests(self) -> list[Any]:
        return self.examples(self.node["requestBody"]) if "requestBody" in self.node else []

    def success(self) -> str:
        return "201" if "201" in self.node["responses"] else "200"

    def answers(self) -> list[Any]:
        return self.examples(self.node["responses"][self.success()])

    def context(self, request: Any, answer: Any) -> Context:
        """What expressions see of a call with the examples of body and parameters."""
        given: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
        for parameter in map(self.followed, self.node.get("parameters", [])):
            if "example" in parameter:
                given[parameter["in"]][parameter["name"]] = str(parameter["example"])
        return Context(
            document=request,
            path_parameters=given["path"],
            query=urlencode(given["query"]),
            headers=[(name.lower().encode(), value.encode()) for name, value in given["header"].items()],
            response_document=answer,
            reference="mercy-health",
            entity=answer.get("legal_entity") if answer else None,
        )


@functools.cache
def workspace() -> Workspace:
    return load({"waybill.yaml": b"workspace: library\ninclude: [procure-to-pay]\n"})


def versions() -> list[ContractVersion]:
    """Contracts of calls; those of events have no OpenAPI document."""
    return [version for version in workspace().versions if "openapi" in version.document]


def cases() -> list[Any]:
    return [
        pytest.param(Case(version, operation), id=f"{version.contract.contract}/{operation.id}")
        for version in versions()
        for operation in version.operations
    ]
