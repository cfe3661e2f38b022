"""Compiles the files of a workspace into what they would put in force."""

from __future__ import annotations

from collections.abc import Mapping

from controlplane.registry.plan import Candidate


def compile_files(files: Mapping[str, str]) -> Candidate:
    """Raises: Invalid with every problem of the workspace."""
    raise NotImplementedError
