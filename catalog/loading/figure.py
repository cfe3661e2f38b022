"""Reading what figures are made of: SLOs and measures."""

from __future__ import annotations

from catalog.loading.file import Files
from catalog.measure import Measure
from catalog.slo import SloSpec, parse_slo


def read_measures(files: Files) -> dict[str, Measure]:
    return files.listed("measures", "measure", Measure, lambda item: item.id)


def read_slos(files: Files) -> dict[str, SloSpec]:
    found: dict[str, SloSpec] = {}
    for path, _ in files.paths("slos"):
        documents = files.documents(path)
        if not documents:
            files.lose("slo", "name", None, path)
        for document in documents:
            spec, problems = parse_slo(document, path)
            files.problems += problems
            if spec is None:
                metadata = document.get("metadata") if isinstance(document, dict) else None
                files.lose("slo", "name", metadata, path)
            elif files.note_source("slo", spec.name, path, is_replaceable=True):
                found[spec.name] = spec
    return found
