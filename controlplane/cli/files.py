"""Reads a workspace's files as they are sent to the control plane: text by path relative to the root."""

from __future__ import annotations

from pathlib import Path

from catalog.errors import Invalid, Problem

SUFFIXES = frozenset({".yaml", ".yml", ".json", ".pem", ".jwks"})
MAX_FILES = 20_000
MAX_BYTES = 64 * 1024 * 1024


def read_workspace(root: Path) -> dict[str, str]:
    """All files of the workspace at `root` that can matter; hidden directories stay out.

    Raises: Invalid when `root` holds no workspace, or files that are not text.
    """
    if not (root / "waybill.yaml").is_file():
        raise Invalid(f"{root} is no workspace: it holds no waybill.yaml (`waybill init DIR` writes one)")
    files: dict[str, str] = {}
    problems: list[Problem] = []
    size_bytes = 0
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix not in SUFFIXES or any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        content = path.read_bytes()
        size_bytes += len(content)
        if len(files) == MAX_FILES or size_bytes > MAX_BYTES:
            raise Invalid(f"{root} is too large for a workspace (over {MAX_FILES} files or {MAX_BYTES} bytes)")
        try:
            files[relative.as_posix()] = content.decode()
        except UnicodeDecodeError:
            problems.append(Problem("is not UTF-8 text", file=relative.as_posix(), rule="encoding"))
    if problems:
        raise Invalid("the workspace cannot be read", problems)
    return files
