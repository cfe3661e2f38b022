"""Reading policies: envelopes in files over bundled ones, their configs checked, the files that configs name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from catalog.envelope import Envelope
from catalog.inventory import LIBRARY_PREFIX, ConfigCheck
from catalog.loading.file import Files
from catalog.pointer import join
from catalog.shape import shape


class PolicyReader:
    """Reads policies/. `kinds` are the known policies with their checks (None: configs are not checked here)."""

    def __init__(
        self,
        files: Files,
        kinds: Mapping[str, ConfigCheck] | None,
        unshadowable: Collection[str],
        bundle: Sequence[Envelope],
    ) -> None:
        self._files = files
        self._kinds = kinds
        self._unshadowable = unshadowable
        self._bundle = bundle

    def read(self) -> dict[str, Envelope]:
        found = {envelope.name: envelope for envelope in self._bundle}
        for envelope in self._bundle:
            self._files.sources[f"policy/{envelope.name}"] = f"{LIBRARY_PREFIX}policies"
        for entry, path, pointer in self._files.entries("policies"):
            if entry is None:
                continue
            read, problems = shape(entry, Envelope, path, pointer)
            self._files.problems += problems
            if read is None:  # what is wrong beside its config hides nothing in its config
                if isinstance(entry, dict) and isinstance(entry.get("config", {}), dict) and "policy" in entry:
                    self._check_config(entry["policy"], entry.get("config", {}), path, pointer)
            elif self._files.note_source("policy", read.name, path, pointer, is_replaceable=True):
                found[read.name] = read
                self._check_envelope(read, path, pointer)
        return found

    def _check_envelope(self, envelope: Envelope, path: str, pointer: str) -> None:
        if envelope.mode == "shadow" and envelope.policy in self._unshadowable:
            message = f"{envelope.policy} cannot run in shadow"
            self._files.refuse(message, path, join(pointer, "mode"), "set enabled: false instead", "policy")
        self._check_config(envelope.policy, envelope.config, path, pointer)

    def _check_config(self, policy: Any, config: dict[str, Any], path: str, pointer: str) -> None:
        if self._kinds is None or not isinstance(policy, str):
            return
        check = self._kinds.get(policy)
        if check is None:
            remedy = f"known are {', '.join(sorted(self._kinds))}"
            self._files.refuse(f"no policy {policy!r}", path, join(pointer, "policy"), remedy, "policy")
            return
        for problem in check(config):
            place = f"{pointer}/config{problem.pointer}"
            remedy = problem.remedy or f"see the config of {policy} in the README"
            self._files.refuse(problem.message, path, place, remedy, problem.rule or "policy")

    def named(self, envelope: Envelope) -> dict[str, str]:
        """The text of the files that an envelope's config names, by path as written."""
        found: dict[str, str] = {}
        for pointer, name in named_files(envelope.config):
            path, _, base = self._files.sources[f"policy/{envelope.name}"].partition("#")
            try:
                found[name] = self._files.content[name].decode()
            except KeyError:
                remedy = "write its path from the folder of waybill.yaml"
                place = f"{base}/config{pointer}"
                self._files.refuse(f"{name}: no such file in the workspace", path, place, remedy, "policy")
            except UnicodeDecodeError:
                self._files.refuse(f"{name} is not text", path, f"{base}/config{pointer}", "save it in UTF-8", "policy")
        return found


def named_files(node: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Pointer and path of each file that a config names: text members called `…_file`."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name.endswith("_file") and isinstance(value, str):
                yield f"{pointer}/{name}", value
            else:
                yield from named_files(value, f"{pointer}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from named_files(value, f"{pointer}/{index}")
