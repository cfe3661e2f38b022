"""Versions that are published only after a run against a system showed that it conforms (`publishing` in
governance.yaml). What is demanded is said by the rules in force, never by those that are proposed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from catalog.errors import Problem
from catalog.governance import Governance
from catalog.inventory import LIBRARY_PREFIX, Workspace
from catalog.snapshot import BlobRef

RULE = "not-tested"


def demands_test(refs: Iterable[BlobRef], blobs: Mapping[str, bytes]) -> bool:
    """Whether the rules in force ask for a recorded run before a contract version is published."""
    found = (ref.sha256 for ref in refs if ref.kind == "governance")
    return any(msgspec.json.decode(blobs[sha256], type=Governance).publishing.require_test for sha256 in found)


def untested(added: Iterable[str], wanted: Workspace, tested: Collection[str]) -> Iterator[Problem]:
    """New contract versions (`added`, "name@version") of the workspace's own whose document no system was seen to
    conform to; `tested` are SHA-256 of versions whose last recorded run conforms."""
    names = set(added)
    for version in wanted.versions:
        file = wanted.sources.get(f"contract/{version.ref}", "")
        if version.ref in names and version.sha256 not in tested and not file.startswith(LIBRARY_PREFIX):
            message = f"{version.ref} needs a recorded run against a system that conforms to it"
            remedy = f"waybill contract test {version.ref} --target URL --record"
            yield Problem(message, "", file, remedy, RULE)
