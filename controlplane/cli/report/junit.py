"""JUnit XML as build servers read it: a test case a finding; one that only advises passes, and is told beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from controlplane.cli.report.item import Item

#: what XML 1.0 cannot hold, not even escaped (§2.2)
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(items: Iterable[Item], suite: str = "waybill") -> str:
    """One suite. Errors are failures, suppressed findings are skipped with their reason; a check that found nothing
    is one test that passed, since an empty suite says that nothing ran."""
    found = list(items)
    failed = sum(item.level == "error" and item.suppression is None for item in found)
    skipped = sum(item.suppression is not None for item in found)
    counts = {"tests": max(len(found), 1), "failures": failed, "errors": 0, "skipped": skipped}
    attributes = {name: str(count) for name, count in counts.items()}
    root = Element("testsuites", {"name": suite, **attributes})
    node = SubElement(root, "testsuite", {"name": suite, **attributes})
    for item in found:
        _case(node, suite, item)
    if not found:
        SubElement(node, "testcase", {"classname": suite, "name": "nothing found"})
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode")


def _case(suite: Element, name: str, item: Item) -> None:
    label = f"{item.rule} {item.place}" if item.place else item.rule
    case = SubElement(suite, "testcase", {"classname": f"{name}.{item.rule}", "name": _plain(label)})
    if item.file:
        case.set("file", _plain(item.file))
    if item.line is not None:
        case.set("line", str(item.line))
    text = "\n".join(filter(None, [f"{item.level}: {item.message}", item.place, item.remedy and f"→ {item.remedy}"]))
    if item.suppression is not None:
        SubElement(case, "skipped", {"message": _plain(item.suppression.reason)})
    elif item.level == "error":
        SubElement(case, "failure", {"type": item.rule, "message": _plain(item.message)}).text = _plain(text)
        return
    SubElement(case, "system-out").text = _plain(text)


def _plain(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
