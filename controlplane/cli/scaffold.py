"""The files that `waybill init` writes: commented YAML, complete enough to run. Pure: names in, texts out."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from catalog.errors import Invalid

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

WORKSPACE = """\
workspace: {name}
# procure-to-pay: the built-in contracts, schemas, SLOs and measures; the bundled policies apply without it too
include: [{include}]
"""

ENTITY = """\
# A legal entity. Consumers act for entities; bindings say which system serves which entity.
entity: {entity}
name: {name}
region: {region}
currency: USD        # ISO 4217
timezone: UTC        # IANA name
# parent: network    # another entity
# calendar: federal  # calendars/federal.yaml: weekend and holidays
# template: clinic   # templates/clinic.yaml: fields, bindings and consumers that entities of a kind have in common
"""

SYSTEM = """\
# A backend. The path behind a contract's base path goes to base_url byte for byte.
system: {system}
name: {name}
region: {region}
owner: integration-team
base_url: {url}
# credential:                 # a static credential for the system, by the name of a secret
#   secret: {system}_token    # value: in the gateway's --secrets file (0600) or WAYBILL_SECRET_<NAME>
timeouts: {{connect_s: 2, first_byte_s: 15, total_s: 30}}
"""

CONSUMER = """\
# A client system. Its API key is issued by command (`waybill consumer key issue {consumer}`), never written here.
consumer: {consumer}
name: {name}
owner: integration-team
entities: {entities}
contracts:           # contract -> scopes granted there
{contracts}
"""

IGNORE_FILE = ".gitignore"
IGNORE = "# keys, tokens and state of `waybill up`\n.waybill/\n"


class Imported(msgspec.Struct, frozen=True):
    """A reader's OpenAPI document as it becomes a contract."""

    document: dict[str, Any]
    content: str  # byte for byte what the reader gave
    suffix: str  # ".yaml" or ".json"
    domain: str
    object: str
    upstream: str
    title: str

    @property
    def contract(self) -> str:
        return f"{self.domain}.{self.object}"

    @property
    def path(self) -> str:
        """Where the document lies in the workspace."""
        return f"contracts/{self.domain}/{self.object}/1.0.0/openapi{self.suffix}"


def library_workspace(name: str) -> dict[str, str]:
    """A workspace over the built-in procure-to-pay library: two legal entities that share one ERP."""
    grants = {"finance.receipts": ["read", "write"], "finance.invoices": ["read", "write"]}
    return {
        "waybill.yaml": WORKSPACE.format(name=name, include="procure-to-pay"),
        "entities/north.yaml": ENTITY.format(entity="north", name="North Hospital", region="us-east"),
        "entities/south.yaml": ENTITY.format(entity="south", name="South Clinic", region="us-west"),
        "systems/erp.yaml": SYSTEM.format(
            system="erp", name="The ERP (put its address here)", region="us-east", url="http://127.0.0.1:9000"
        ),
        "bindings/erp.yaml": _bindings([("finance.receipts", "erp"), ("finance.invoices", "erp")]),
        "consumers/ap-automation.yaml": _consumer("ap-automation", "AP automation", ["north", "south"], grants),
        IGNORE_FILE: IGNORE,
    }


def openapi_workspace(name: str, imported: Imported) -> dict[str, str]:
    """A workspace with the reader's API as one contract, served by one system, for one entity and one consumer."""
    folder = f"contracts/{imported.domain}/{imported.object}"
    grants = {imported.contract: scopes(imported.document)}
    return {
        "waybill.yaml": WORKSPACE.format(name=name, include=""),
        f"{folder}/contract.yaml": _contract(imported),
        imported.path: imported.content,
        "entities/main.yaml": ENTITY.format(entity="main", name="Main", region="local"),
        f"systems/{imported.object}.yaml": SYSTEM.format(
            system=imported.object, name=imported.title, region="local", url=imported.upstream
        ),
        f"bindings/{imported.object}.yaml": _bindings([(imported.contract, imported.object)]),
        "consumers/client.yaml": _consumer("client", "First client", ["main"], grants),
        IGNORE_FILE: IGNORE,
    }


def slug(text: str) -> str:
    """`text` as a name of a contract's part: lower case words joined by hyphens; "" when nothing is left."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return re.sub(r"^[0-9-]+", "", words)[:40].strip("-")


def check_slug(text: str, what: str) -> str:
    """Raises: Invalid."""
    if not SLUG.fullmatch(text):
        raise Invalid(f"{what} {text!r} is not a name like `purchase-orders` (lower case, digits, hyphens)")
    return text


def scopes(document: dict[str, Any]) -> list[str]:
    """Every scope that the document's security requirements ask for."""
    requirements = list(document.get("security") or [])
    for entry in (document.get("paths") or {}).values():
        for method in METHODS:
            operation = entry.get(method) if isinstance(entry, dict) else None
            if isinstance(operation, dict):
                requirements += operation.get("security") or []
    asked = (alternative.values() for alternative in requirements if isinstance(alternative, dict))
    return sorted({scope for groups in asked for group in groups if isinstance(group, list) for scope in group})


def _contract(imported: Imported) -> str:
    return f"""\
# What the OpenAPI document does not say: who owns the contract, where it is served, its life cycle.
contract: {imported.contract}
title: {_text(imported.title)}
owner: {imported.domain}             # the team that keeps it
steward: {imported.domain}           # who decides what it means to the business
domain: {imported.domain}
base_path: /{imported.object}/v{{major}}     # at the gateway; what follows goes to the system as it is
layer: system
versions:
  1.0.0: {{state: published}}         # draft → published → deprecated → retired
# To tell what a call means (business object, event, idempotency, links), add `x-waybill` to its operation
# before publishing, or publish a 1.1.0 with it: a published version never changes.
"""


def _bindings(pairs: list[tuple[str, str]]) -> str:
    lines = ["# contract major x legal entity -> system; `*` is every entity"]
    lines += [f'- {{contract: {contract}, major: 1, entity: "*", system: {system}}}' for contract, system in pairs]
    return "\n".join(lines) + "\n"


def _consumer(consumer: str, name: str, entities: list[str], grants: dict[str, list[str]]) -> str:
    contracts = "\n".join(f"  {contract}: {_text(granted)}" for contract, granted in grants.items())
    return CONSUMER.format(consumer=consumer, name=name, entities=_text(entities), contracts=contracts)


def _text(value: Any) -> str:
    """JSON is YAML: quoting without surprises."""
    return json.dumps(value, ensure_ascii=False)
