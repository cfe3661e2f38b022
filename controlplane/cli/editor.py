"""`waybill editor` and `waybill reference`: what workspace files may hold, for editors and for readers."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import typer

from controlplane.cli.connection import STATE_DIR
from controlplane.cli.output import Format, FormatOption, say, say_json
from controlplane.cli.workspace import HERE, DirectoryArgument

FOLDER = f"{STATE_DIR}/editor"
EXTENSION = "x-waybill"


def editor(directory: DirectoryArgument = HERE, output: FormatOption = Format.text) -> None:
    """Write JSON Schemas of all workspace files, so that an editor completes, explains and underlines.

    They go to .waybill/editor/ of the workspace. Files that `waybill init` writes name theirs in the first line, as
    the YAML language server of VS Code, Neovim, Emacs and others reads it; other files take the line that is printed
    here.

    Example: waybill editor shop
    """
    from catalog.workspace import read_directory

    files = read_directory(directory)  # refuses what is no workspace
    written = write_schemas(directory)
    lines = {path: line for path in sorted(files) if (line := modeline(path)) and not _has_line(files[path])}
    if output is Format.json:
        say_json({"schemas": [str(path) for path in written], "modelines": lines})
        return
    say(f"{len(written)} JSON Schemas in {directory / FOLDER}")
    if lines:
        say("first line for files that do not name theirs yet:")
    for path, line in lines.items():
        say(f"  {path}: {line}")


def reference() -> None:
    """Print the reference of workspace files, policies, lint rules and settings, as Markdown.

    Example: waybill reference > REFERENCE.md
    """
    say(reference_text().rstrip("\n"))


def write_schemas(directory: Path) -> list[Path]:
    """JSON Schemas of every kind of file and of `x-waybill`, below `directory`. Returns the files, in order."""
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (directory / STATE_DIR).chmod(0o700)
    written = []
    for name, schema in _schemas().items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n")
        written.append(path)
    return written


def modeline(path: str) -> str:
    """The comment that names the schema of the workspace file at `path`; "" for files of no kind."""
    from catalog.editor import FILE_KINDS

    name = next((kind.name for kind in FILE_KINDS if fnmatch(path, kind.path)), "")
    up = "../" * path.count("/") or "./"
    return f"# yaml-language-server: $schema={up}{FOLDER}/{name}.json" if name else ""


def reference_text() -> str:
    from catalog.editor import reference as files
    from catalog.editor import table
    from catalog.lint.reference import rule_reference
    from policies.builtin import BUILTIN

    parts = [files().rstrip("\n"), "# Settings of policies", "The `config` member of an envelope in policies/*.yaml."]
    for policy_id, kind in sorted(BUILTIN.items()):
        parts.append(f"## `{policy_id}`\n\n{table(kind.config_type) or 'No settings.'}")
    parts += ["# Rules of lint", rule_reference()]
    parts += ["# Settings of the control plane", "Options of `waybill serve`.", _options()]
    return "\n\n".join(parts) + "\n"


def _schemas() -> dict[str, dict[str, Any]]:
    from catalog.editor import FILE_KINDS, editor_schema, extension_schema
    from policies.builtin import BUILTIN

    configs = {policy_id: kind.config_type for policy_id, kind in BUILTIN.items()}
    schemas = {kind.name: editor_schema(kind, configs if kind.name == "policies" else None) for kind in FILE_KINDS}
    return {**schemas, EXTENSION: extension_schema()}


def _has_line(content: bytes) -> bool:
    return b"# yaml-language-server:" in content


def _options() -> str:
    """The options of `serve` as a table."""
    from controlplane.cli import server

    program = typer.Typer()
    program.command()(server.serve)
    rows = ["| option | default | environment | meaning |", "|---|---|---|---|"]
    for parameter in typer.main.get_command(program).params:
        option: Any = parameter
        if not getattr(option, "hidden", False) and option.name not in ("install_completion", "show_completion"):
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(option)) + " |")
    return "\n".join(rows)


def _cells(option: Any) -> tuple[str, str, str, str]:
    default = "required" if option.required else option.default
    plain = getattr(default, "value", default)
    shown = "" if plain in (None, "") else plain if plain == "required" else f"`{plain}`"
    return f"`{option.opts[0]}`", str(shown), f"`{option.envvar}`" if option.envvar else "", option.help or ""
