"""Loads the files of a workspace as the control plane and the command line judge it: with the policies known."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.inventory import Workspace
from catalog.snapshot import Published
from catalog.workspace import load


def load_workspace(files: Mapping[str, str], published: Mapping[str, Published] | None = None) -> Workspace:
    """The workspace in `files` (text by path); `published` keeps the pins of what is published already.

    Raises: Invalid with every problem of every file.
    """
    return load({path: text.encode() for path, text in files.items()}, published=published)
