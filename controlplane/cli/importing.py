"""The files of a vendor's document in a workspace: as it is, its overlay, contract, system and binding."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from catalog.document import MOST_BYTES, parse_document
from catalog.errors import Invalid, Problem
from catalog.overlay import target_of
from catalog.swagger import is_swagger
from catalog.version import is_version
from controlplane.cli.scaffold import SYSTEM, check_slug, slug

_OVERLAY = """\
# What you say about the vendor's document beside this file, which stays as it is: an OpenAPI Overlay 1.0 document.
# Actions are applied in order; the contract is the result. Targets: names, indexes and * of JSONPath, such as
#   - target: $.paths['/orders'].post
#     update:
#       operationId: createOrder
#       security: [{{oauth: ["orders:write"]}}]
#       x-waybill: {{object: order, id: $response.body#/id, event: order.created, idempotency: required}}
#   - target: $.paths['/internal']
#     remove: true
overlay: 1.0.0
info: {{title: {title}, version: {version}}}
extends: {document}
actions:{actions}
"""

_CONTRACT = """\
# What the vendor's document does not say: who owns the contract here, where it is served, its life cycle.
contract: {contract}
title: {title}
owner: {domain}             # the team that keeps it
steward: {domain}           # who decides what it means to the business
domain: {domain}
base_path: /{name}/v{{major}}     # at the gateway; what follows goes to the system as it is
layer: system
versions:
  {version}: {{state: published}}         # draft → published → deprecated → retired
"""

_BINDING = '- {{contract: {contract}, major: {major}, entity: "*", system: {name}}}\n'


class Vendored(msgspec.Struct, frozen=True):
    """A vendor's document as it becomes a version of a contract."""

    content: bytes
    suffix: str  # ".yaml" or ".json"
    domain: str
    name: str
    version: str
    title: str
    upstream: str | None

    @property
    def contract(self) -> str:
        return f"{self.domain}.{self.name}"

    @property
    def ref(self) -> str:
        return f"{self.contract}@{self.version}"

    @property
    def folder(self) -> str:
        return f"contracts/{self.domain}/{self.name}"

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.version}/openapi{self.suffix}"

    @property
    def overlay_path(self) -> str:
        return f"{self.folder}/{self.version}/overlay.yaml"


def read_vendored(path: Path, domain: str, name: str | None, version: str, upstream: str | None) -> Vendored:
    """Raises: Invalid with what is wrong with the file, and where."""
    if not is_version(version):
        raise Invalid(f"--version {version!r} is not a version like 1.0.0: the vendor's own may be in the title")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    suffix = ".json" if path.suffix.lower() == ".json" else ".yaml"
    document = read_document(content, suffix, path)
    title = title_of(document, path)
    chosen = check_slug(name, "--name") if name is not None else slug(title)
    if not chosen:
        raise Invalid(f"{path}: its title {title!r} gives no name for the contract: add --name, such as --name orders")
    return Vendored(content, suffix, domain, chosen, version, title, upstream)


def read_document(content: bytes, suffix: str, path: Path) -> dict[str, Any]:
    """An OpenAPI document of a version that is known. Raises: Invalid."""
    documents, problems = parse_document(content, f"openapi{suffix}")
    if problems:
        raise Invalid(f"{path} cannot be read", [msgspec.structs.replace(each, file=str(path)) for each in problems])
    document = documents[0] if len(documents) == 1 else None
    if not isinstance(document, dict) or not (
        is_swagger(document) or str(document.get("openapi", "")).startswith(("3.0.", "3.1."))
    ):
        remedy = 'it must say `swagger: "2.0"`, `openapi: 3.0.x` or `openapi: 3.1.x`'
        problem = Problem("not an OpenAPI 2.0, 3.0 or 3.1 document", "/openapi", str(path), remedy, "openapi")
        raise Invalid(f"{path} is not an OpenAPI 2.0, 3.0 or 3.1 document", [problem])
    return document


def title_of(document: dict[str, Any], path: Path) -> str:
    info = document.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    return str(title) if title else path.stem


def overlay_text(vendored: Vendored, removed: Sequence[tuple[str, ...]] = ()) -> str:
    """A new overlay: what it is for, and the removal of what cannot be governed (pointers' tokens)."""
    actions = "".join(
        f"\n  - target: {_text(target_of(*tokens))}\n    remove: true\n    description: cannot be governed as it is"
        for tokens in removed
    )
    return _OVERLAY.format(
        title=_text(f"Waybill's view of {vendored.title}"),
        version=vendored.version,
        document=f"openapi{vendored.suffix}",
        actions=actions or " []",
    )


def contract_files(vendored: Vendored) -> dict[str, str]:
    """contract.yaml, and system and binding when an upstream is known."""
    files = {
        f"{vendored.folder}/contract.yaml": _CONTRACT.format(
            contract=vendored.contract,
            title=_text(vendored.title),
            domain=vendored.domain,
            name=vendored.name,
            version=vendored.version,
        )
    }
    if vendored.upstream is not None:
        major = vendored.version.split(".", 1)[0]
        files[f"systems/{vendored.name}.yaml"] = SYSTEM.format(
            system=vendored.name, name=_text(vendored.title), region="local", url=vendored.upstream
        )
        files[f"bindings/{vendored.name}.yaml"] = _BINDING.format(
            contract=vendored.contract, major=major, name=vendored.name
        )
    return files


def with_version(text: str, version: str, path: str, state: str = "published") -> str:
    """contract.yaml with one more version, in `state`. Raises: Invalid where it cannot be put in by its lines alone."""
    found = re.search(r"^versions:[^\S\n]*(?:#.*)?\n([^\S\n]+)\S", text, re.MULTILINE)
    if found is None:
        problem = Problem(
            "its versions are not written one a line", "/versions", path, f"add {version}: {{state: {state}}}"
        )
        raise Invalid(f"{path} cannot be extended; nothing was written", [problem])
    at, indent = found.start(1), found[1]
    return f"{text[:at]}{indent}{version}: {{state: {state}}}\n{text[at:]}"


def _text(value: Any) -> str:
    """JSON is YAML: quoting without surprises."""
    return json.dumps(value, ensure_ascii=False)
