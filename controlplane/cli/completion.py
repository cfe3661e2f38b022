"""`waybill completion`: what a shell needs to complete commands, options and names on Tab."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controlplane.cli.output import say

PROGRAM = "waybill"
VARIABLE = "_WAYBILL_COMPLETE"


class Shell(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell to complete in.")]) -> None:
    """Print the script that completes this command line on Tab.

    Load it at the start of each shell, from ~/.bashrc, ~/.zshrc (after compinit) or ~/.config/fish/config.fish.

    Example: eval "$(waybill completion bash)"
    waybill completion fish > ~/.config/fish/completions/waybill.fish
    """
    from typer._completion_shared import get_completion_script

    say(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell.value))


def prepare() -> None:
    """Let typer's shells answer when one of them asks."""
    if VARIABLE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()


def names(folder: str) -> Callable[[str], list[str]]:
    """Completes ids of the nearest workspace by its file names: `names("consumers")`."""

    def complete(incomplete: str) -> list[str]:
        here = Path.cwd()
        root = next((each for each in (here, *here.parents) if (each / "waybill.yaml").is_file()), None)
        found = sorted(path.stem for path in (root / folder).glob("*.yaml")) if root else []
        return [name for name in found if name.startswith(incomplete)]

    return complete
