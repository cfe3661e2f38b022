"""What is agreed: contracts, canonical schemas, the network, objectives, and the records of what happened.

Pure: reads files that it is given, does no other I/O. Public names by module:

- words: `contract` (Contract, Operation, ContractVersion, Extension), `lifecycle` (TRANSITIONS), `network` (Entity,
  System, Binding, Consumer), `envelope` (Envelope, Match, PolicyBlob), `slo` (SloSpec, parse_slo), `measure`
  (Measure), `record` (Exchange, Entry and the other stream entries), `errors` (Invalid, Problem, Violation and kin)
- a workspace: `workspace` (load, read_directory), `inventory` (Workspace), `document` (parse_document: strict YAML and
  JSON), `shape` (data to Structs, every error), `loading` and `consistency` (how `load` does it), `lint` (lint)
- documents: `openapi` (read_openapi), `asyncapi` (read_asyncapi) with `message` and `cloudevent` (both content modes as
  one document), `reader` (what both share), `bundle` (Bundler), `scope`, `extension` (what `x-waybill` may say),
  `route` (templates, overlap), `expression` (compile_expression, json_template, Context), `pointer` (RFC 6901), `walk`
- schemas: `canonical` (CanonicalSchema), `reference` (Reference), `version`, `pin`, `schema` (Validators)
- compatibility: `compatibility` (compare_schemas, Comparer: a proof, a witness, or unknown), `compatibility.contract`
  (compare_contracts: each change with its weight, the least version bump)
- publication: `compile` (compile_snapshot, diff, published_of), `snapshot` (Manifest, sign_manifest,
  verify_manifest), `running` (read_snapshot, Snapshot)
- data: `library/` holds the built-in procure-to-pay contracts, schemas, objectives and measures
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.compatibility import Change, Comparison, compare_schemas
    from catalog.compatibility.contract import ContractComparison, compare_contracts

_CONTRACTS = ("ContractComparison", "compare_contracts")

__all__ = ["Change", "Comparison", "ContractComparison", "compare_contracts", "compare_schemas"]


def __getattr__(name: str) -> Any:
    """Comparisons on first use: a gateway, which compares nothing, does not load what they need."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from catalog import compatibility
    from catalog.compatibility import contract

    return getattr(contract if name in _CONTRACTS else compatibility, name)
