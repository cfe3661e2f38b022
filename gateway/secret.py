"""Secrets by name: snapshots and workspaces hold names, values sit here or in the environment (design §11.13)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from catalog.errors import Invalid, Problem
from catalog.network import System

PREFIX = "WAYBILL_SECRET_"


class Secrets:
    """Values from a file (name: value, YAML or JSON, mode 0600), else from WAYBILL_SECRET_<NAME>."""

    def __init__(self, values: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._values = values
        self._environment = environment

    @classmethod
    def open(cls, path: Path | None, environment: Mapping[str, str] = os.environ) -> Secrets:
        """Raises: Invalid when the file is missing, open to others or no mapping of texts."""
        return cls(_read(path) if path is not None else {}, environment)

    def get(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            value = self._environment.get(PREFIX + name)
        if value is None:
            value = self._environment.get(PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper()))
        return value

    def credential(self, system: System) -> list[tuple[bytes, bytes]]:
        """The header that `system` asks for, if any. Raises: Invalid when the secret is missing."""
        wanted = system.credential
        if wanted is None:
            return []
        value = self.get(wanted.secret)
        if value is None:
            raise Invalid(f"the secret {wanted.secret!r} of system {system.system!r} is not here")
        return [(wanted.header.lower().encode("latin-1"), (wanted.prefix + value).encode("latin-1"))]

    def check(self, systems: Iterable[System]) -> None:
        """Raises: Invalid naming every secret that is missing or cannot stand in a header, never a value."""
        problems = []
        for system in systems:
            wanted = system.credential
            value = "" if wanted is None else self.get(wanted.secret)
            if wanted is None:
                continue
            if value is None:
                remedy = f"put it into the secrets file or into {PREFIX}{wanted.secret}"
                problems.append(
                    Problem(f"the secret {wanted.secret!r} of system {system.system!r} is missing", remedy=remedy)
                )
            elif not re.fullmatch(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", value):
                problems.append(Problem(f"the secret {wanted.secret!r} holds characters that no header may"))
        if problems:
            raise Invalid("secrets are missing", problems)


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_mode & 0o077:
            raise Invalid(f"{path} holds secrets and may be read by others; its mode must be 0600")
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise Invalid(f"the secrets file {path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Invalid(f"the secrets file {path} is not YAML") from error
    if not isinstance(values, dict) or not all(isinstance(v, str) for pair in values.items() for v in pair):
        raise Invalid(f"the secrets file {path} must map names to texts")
    return values
