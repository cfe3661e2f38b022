"""A workspace in which a draft is as it would be published. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from catalog.document import parse_document
from catalog.errors import NotFound

_CONTRACT_FILE = re.compile(r"contracts/.+/contract\.ya?ml")


def as_published(files: Mapping[str, str], name: str, version: str) -> dict[str, str]:
    """`files` with the version's state `published` where it was `draft`; any other state stays.

    Raises: NotFound when no file declares the version.
    """
    for path, text in files.items():
        document = _contract(path, text, name)
        versions = document.get("versions")
        if isinstance(versions, dict) and isinstance(versions.get(version), dict):
            if versions[version].get("state") != "draft":
                return dict(files)
            told = {**versions, version: {**versions[version], "state": "published"}}
            return {**files, path: json.dumps({**document, "versions": told})}
        if document:
            raise NotFound(f"{path} has no version {version}; it has {', '.join(sorted(versions or ())) or 'none'}")
    raise NotFound(f"no file of the workspace declares the contract {name}")


def _contract(path: str, text: str, name: str) -> dict[str, Any]:
    """The document when it is that contract's; {} otherwise."""
    if not _CONTRACT_FILE.fullmatch(path):
        return {}
    documents, problems = parse_document(text.encode(), path)
    document = documents[0] if documents and not problems else None
    return document if isinstance(document, dict) and document.get("contract") == name else {}
