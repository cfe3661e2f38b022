"""What two releases of a vendor's document touch in a workspace, for `waybill contract diff --workspace`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from controlplane.cli.output import say
from controlplane.cli.report import Item, RuleText

if TYPE_CHECKING:
    from catalog.canonical import Canonicals
    from catalog.compatibility.contract import Change
    from catalog.compatibility.mapping import Mappings, Touch
    from catalog.inventory import Workspace

RULES = [
    RuleText("overlay-lost", "Overlay actions find their place in the new release", level="error"),
    RuleText("binding-touched", "A contract whose new release breaks is bound to a system", level="warning"),
]


class Binding(NamedTuple):
    """Where calls of a contract go."""

    contract: str
    system: str
    entity: str
    file: str
    pointer: str


class Touched:
    """What the versions of a workspace that were made of the older document say of it."""

    def __init__(self, directory: Path) -> None:
        from catalog.workspace import read_directory
        from controlplane.registry.candidate import load_workspace

        self._files = read_directory(directory)
        self._workspace: Workspace = load_workspace(self._files)
        self._mappings: list[Mappings] = []
        self.lost: list[Touch] = []
        self.bindings: list[Binding] = []
        self.contracts: list[str] = []

    @property
    def canonicals(self) -> Canonicals:
        return self._workspace.schemas

    def compare(self, old: Any, new: Any) -> None:
        """Find what was made of `old`, and what in it no longer finds its place in `new`."""
        from catalog.compatibility.mapping import Mappings, sources_of

        sources = sources_of(old, self._workspace.versions, self._workspace.sources, self._documents())
        self._mappings = [Mappings(source) for source in sources]
        self.contracts = [source.version.ref for source in sources]
        self.lost = [touch for each in self._mappings for touch in each.lost(new)]
        self.bindings = [
            found for source in sources for found in self._bindings(source.version.contract.contract, source.version)
        ]

    def of(self, change: Change) -> list[Touch]:
        return [touch for each in self._mappings for touch in each.touched(change)]

    def items(self, has_breaks: bool) -> list[Item]:
        """Findings that belong to no single change."""
        lost = [
            Item("overlay-lost", "error", f"{each.contract}: {each.what}", each.file, each.pointer)
            for each in self.lost
        ]
        reached = [
            Item("binding-touched", "warning", _binding(each), each.file, each.pointer) for each in self.bindings
        ]
        return lost + (reached if has_breaks else [])

    def _documents(self) -> dict[str, Any]:
        """Documents and overlays of contracts, parsed."""
        from catalog.document import parse_document

        found = {}
        for path, content in self._files.items():
            if path.startswith("contracts/") and path.rpartition("/")[2].partition(".")[0] in ("openapi", "asyncapi",
                                                                                             "overlay"):  # fmt: skip
                documents, _ = parse_document(content, path)
                found[path] = documents[0] if documents else None
        return found

    def _bindings(self, contract: str, version: Any) -> list[Binding]:
        from catalog.loading.network import binding_name

        found = []
        for each in self._workspace.bindings:
            if (each.contract, each.major) == (contract, version.major):
                file, _, pointer = self._workspace.sources.get(f"binding/{binding_name(each)}", "").partition("#")
                found.append(Binding(version.ref, each.system, each.entity, file, pointer))
        return found


def _binding(each: Binding) -> str:
    whom = "all legal entities" if each.entity == "*" else each.entity
    return f"{each.contract} is bound to {each.system} for {whom}"


def words(touches: Sequence[Touch]) -> str:
    """Touched places as the end of a message; "" for none."""
    return "; touches " + ", ".join(f"{each.file}#{each.pointer}" for each in touches) if touches else ""


def say_whole(touched: Touched) -> None:
    """What belongs to no single change."""
    if not touched.contracts:
        say("\nno contract of the workspace was made of the older document")
        return
    say(f"\nof the workspace: {', '.join(touched.contracts)}")
    for each in touched.bindings:
        say(f"  {_binding(each)} ({each.file}{'#' + each.pointer if each.pointer else ''})")
    for lost in touched.lost:
        say(f"  {lost.file}#{lost.pointer}: {lost.what}")
