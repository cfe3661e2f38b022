"""A strict reader of Prometheus' text format 0.0.4: whatever the format does not allow fails."""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_HELP = re.compile(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)")
_TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)")
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')

Labels = tuple[tuple[str, str], ...]


class Family(NamedTuple):
    kind: str
    text: str
    samples: dict[tuple[str, Labels], float]


def read(text: str) -> dict[str, Family]:
    """Families by name. Asserts: HELP, then TYPE, then samples of that family, all in one block and none twice; names,
    labels and values well formed; counters end in `_total` and are not negative; buckets rise to `+Inf` = count."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    name = ""
    for line in text.removesuffix("\n").split("\n"):
        if found := _HELP.fullmatch(line):
            name, described = found.groups()
            assert name not in families, f"{name} comes twice"
            families[name] = Family("", described, {})
        elif found := _TYPE.fullmatch(line):
            assert found[1] == name and not families[name].kind, line
            families[name] = families[name]._replace(kind=found[2])
        else:
            _sample(line, name, families[name])
    for name, family in families.items():
        assert family.kind and family.text, name
        _check(name, family)
    return families


def _sample(line: str, name: str, family: Family) -> None:
    found = _SAMPLE.fullmatch(line)
    assert found is not None, f"not a sample: {line!r}"
    suffixes = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
    assert found[1] in {name + suffix for suffix in suffixes}, f"{found[1]} under {name}"
    labels = _labels(found[2] or "")
    assert (found[1], labels) not in family.samples, f"twice: {line}"
    family.samples[found[1], labels] = float(found[3])


def _labels(text: str) -> Labels:
    pairs, at = [], 0
    while at < len(text):
        found = _LABEL.match(text, at)
        assert found is not None, f"not labels: {text!r} at {at}"
        pairs.append((found[1], found[2]))
        at = found.end()
    assert len({name for name, _ in pairs}) == len(pairs), f"a label twice: {text!r}"
    return tuple(pairs)


def _check(name: str, family: Family) -> None:
    assert _NAME.fullmatch(name)
    if family.kind == "counter":
        assert name.endswith("_total"), name
        assert all(value >= 0 for value in family.samples.values()), name
    if family.kind == "histogram":
        for (part, labels), total in family.samples.items():
            if part == f"{name}_count":
                _check_buckets(name, family, labels, total)


def _check_buckets(name: str, family: Family, labels: Labels, total: float) -> None:
    buckets = [
        (float(dict(found)["le"]), value)
        for (part, found), value in family.samples.items()
        if part == f"{name}_bucket" and tuple(pair for pair in found if pair[0] != "le") == labels
    ]
    assert buckets == sorted(buckets) and buckets[-1] == (float("inf"), total), name
    assert [value for _, value in buckets] == sorted(value for _, value in buckets), name
    assert (f"{name}_sum", labels) in family.samples, name
