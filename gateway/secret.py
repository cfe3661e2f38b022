"""Secrets by name: snapshots and workspaces hold names, values sit here or in the environment (design §11.13)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from catalog.errors import Invalid
from catalog.network import System

PREFIX = "WAYBILL_SECRET_"


class Secrets(Mapping[str, str]):
    """Values from a file (name: value, YAML or JSON, mode 0600), else from WAYBILL_SECRET_<NAME>, where characters
    that no variable's name may hold are "_" and letters may be upper case. The file is read again at each `reload`."""

    def __init__(self, path: Path | None = None, environment: Mapping[str, str] = os.environ) -> None:
        """Raises: Invalid when the file is missing, open to others or no mapping of texts."""
        self._path = path
        self._environment = environment
        self._values: dict[str, str] = {}
        self.reload()

    def reload(self) -> None:
        """Take what the file holds now. Raises: Invalid, and what was known stays."""
        if self._path is not None:
            self._values = _read(self._path)

    def __getitem__(self, name: str) -> str:
        if name in self._values:
            return self._values[name]
        for variable in (name, re.sub(r"[^A-Za-z0-9]", "_", name), re.sub(r"[^A-Z0-9]", "_", name.upper())):
            if PREFIX + variable in self._environment:
                return self._environment[PREFIX + variable]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from (name.removeprefix(PREFIX) for name in self._environment if name.startswith(PREFIX))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def credential(self, system: System) -> tuple[bytes, bytes] | None:
        """The header that `system` asks for, with its value; None when it asks for none, or the secret is missing."""
        wanted = system.credential
        if wanted is None or wanted.secret not in self:
            return None
        return wanted.header.lower().encode(), (wanted.prefix + self[wanted.secret]).strip().encode()


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_mode & 0o077:
            raise Invalid(f"{path} holds secrets and may be read by others; its mode must be 0600")
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise Invalid(f"the secrets file {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"the secrets file {path} is not YAML") from error
    if not isinstance(values, dict) or not all(isinstance(text, str) for pair in values.items() for text in pair):
        raise Invalid(f"the secrets file {path} must map names to texts")
    return values
