"""`waybill contract test`: a running system held against its contract."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import msgspec
import typer

from catalog.errors import Invalid
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.duration import duration_s
from controlplane.cli.output import Report, ReportOption, remark, say, say_json, say_report, say_table
from controlplane.cli.progress import progress
from controlplane.cli.report import Item, RuleText, ordered

if TYPE_CHECKING:
    from catalog.contract import ContractVersion
    from controlplane.conformance.run import Outcome, Plan

_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.+)")
_MOST_CASES = 100
_VERDICTS = {
    "conforms": "conforms",
    "breaks": "does not conform",
    "not exercised": "nothing is known, because no operation answered with success",
}


def test(
    contract: Annotated[str, typer.Argument(help="NAME or NAME@VERSION; without a version the highest.")],
    target: Annotated[str, typer.Option(help="Address of the system; the contract's paths are appended to it.")],
    workspace: Annotated[Path, typer.Option(help="The directory that holds waybill.yaml.")] = Path(),
    header: Annotated[
        list[str] | None,
        typer.Option(
            help="'Name: value', sent with each request; $VARIABLE of the environment, or @FILE as the value."
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="name=value, of parameters and of members at the top of bodies; repeated: one of them."),
    ] = None,
    include: Annotated[list[str] | None, typer.Option(help="An operation to exercise although it is not safe.")] = None,
    unsafe: Annotated[bool, typer.Option(help="Exercise every operation: whatever they do is done.")] = False,
    forbidden: Annotated[
        bool, typer.Option(help="Also send requests that the contract forbids, which the system should refuse.")
    ] = False,
    cases: Annotated[int, typer.Option(min=1, max=_MOST_CASES, help="Requests for each operation, at most.")] = 5,
    seed: Annotated[int, typer.Option(help="The same number makes the same requests.")] = 0,
    timeout: Annotated[str, typer.Option(help="How long one answer may take.")] = "10s",
    within: Annotated[str, typer.Option(help="How long all may take.")] = "5m",
    record: Annotated[
        bool, typer.Option(help="Tell the control plane of the result, as what can-i-publish asks for.")
    ] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    output: ReportOption = Report.text,
) -> None:
    """Exercise a running system against its contract: requests from examples and schemas, every answer checked.

    Only operations that execute nothing are called (GET, HEAD, x-waybill safe: true), unless --include names others.
    Answers are held to declared status, media type, required headers and schema, as the gateway holds them. What was
    not exercised is told with the reason. Redirects are not followed; credentials appear nowhere in the result.
    Exit status 0 when the system conforms, 1 when it does not or nothing could be seen, 2 when an input is wrong or
    nobody answers.

    Example: waybill contract test procurement.suppliers --target http://127.0.0.1:9000 --header 'X-API-Key: $KEY'
    """
    from controlplane.conformance.run import Plan

    version = chosen(workspace, contract)
    if record:  # what cannot be recorded is told before anything is called
        with connect(url, token, workspace) as client:
            client.get("/whoami")
    headers = _headers(header or [])
    plan = Plan(cases, seed, unsafe, frozenset(include or ()), forbidden, _parameters(parameter or []))
    outcome = _run(
        version, plan, _address(target), headers, _length_s(timeout, "--timeout"), _length_s(within, "--within")
    )
    told = _told(version, outcome, target.rstrip("/"), headers, seed)
    _print(told, outcome, version, workspace, output)
    if record:
        with connect(url, token, workspace) as client:
            name, _, number = version.ref.partition("@")
            client.post(f"/contracts/{name}/{number}/conformance", told)
        remark(f"recorded for {version.ref}")
    if not outcome.conforms:
        raise typer.Exit(1)


def chosen(workspace: Path, name: str) -> ContractVersion:
    """A version of the workspace by NAME@VERSION, or the highest of NAME. Raises: Invalid naming what there is."""
    from catalog.version import version_key
    from catalog.workspace import read_directory
    from controlplane.registry.candidate import load_workspace

    contract, _, wanted = name.partition("@")
    versions = load_workspace(read_directory(workspace)).versions
    found = [each for each in versions if each.contract.contract == contract and wanted in ("", each.version)]
    if not found:
        known = sorted(each.ref for each in versions if each.contract.contract == contract) or sorted(
            {each.contract.contract for each in versions}
        )
        raise Invalid(f"the workspace has no contract {name}; it has {', '.join(known) or 'none'}")
    return max(found, key=lambda each: version_key(each.version))


def _length_s(text: str, option: str) -> int:
    length = duration_s(text, option)
    if not length:
        raise Invalid(f"{option}: no answer comes in no time; write 10s or more")
    return length


def _address(target: str) -> str:
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Invalid("--target is not an address like http://127.0.0.1:9000/base")
    if parts.username is not None or parts.password is not None:
        raise Invalid("--target holds a credential: give it by --header")
    return target


def _headers(texts: Sequence[str]) -> dict[str, str]:
    """Names and values; a value is never part of a message. Raises: Invalid."""
    told: dict[str, str] = {}
    for text in texts:
        found = _HEADER.fullmatch(text.strip())
        if found is None:
            raise Invalid("--header takes 'Name: value'")
        told[found[1]] = _value(found[1], found[2])
    return told


def _value(name: str, text: str) -> str:
    if text.startswith("@"):
        try:
            value = Path(text[1:]).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"--header {name}: {text[1:]} cannot be read as text") from error
    else:
        missing = [each for each in _VARIABLE.findall(text) if each not in os.environ]
        if missing:
            raise Invalid(f"--header {name}: the environment has no {', '.join(missing)}")
        value = _VARIABLE.sub(lambda each: os.environ[each[1]], text)
    if not value.isascii() or not value.isprintable() or not value:
        raise Invalid(f"--header {name}: its value is empty, or holds characters that no header has")
    return value


def _parameters(texts: Sequence[str]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise Invalid(f"--parameter {text!r} is not name=value")
        told.setdefault(name, []).append(value)
    return told


def _run(
    version: ContractVersion, plan: Plan, target: str, headers: Mapping[str, str], timeout_s: int, within_s: int
) -> Outcome:
    from controlplane.conformance.run import run
    from controlplane.conformance.send import Sender

    until_s = time.monotonic() + within_s
    with Sender(target, headers, timeout_s) as sender, progress("operations", len(version.operations)) as step:
        return run(version, plan, sender.send, _new_key, lambda: time.monotonic() < until_s, step)


def _new_key() -> str:
    return uuid.uuid4().hex


# ---- telling


def _told(
    version: ContractVersion, outcome: Outcome, target: str, headers: Mapping[str, str], seed: int
) -> dict[str, Any]:
    from controlplane.conformance.send import curl

    findings = [
        {
            **{name: getattr(each, name) for name in ("rule", "level", "operation", "location", "pointer", "message")},
            "count": each.count,
            "request": curl(target, each.case, headers) if each.case.method else "",
        }
        for each in outcome.findings
    ]
    return {
        "contract": version.ref,
        "sha256": version.sha256,
        "target": target,
        "seed": seed,
        "conforms": outcome.conforms,
        "verdict": outcome.verdict,
        "requests": outcome.requests,
        "operations": [msgspec.to_builtins(each) for each in outcome.operations],
        "findings": findings,
    }


def _print(told: dict[str, Any], outcome: Outcome, version: ContractVersion, workspace: Path, output: Report) -> None:
    if output is Report.json:
        say_json(told)
    elif output is Report.text:
        _say(told)
    else:
        items = ordered([*_items(told, _source(workspace, version)), *_idle(outcome)])
        say_report(output, items, "waybill contract test", _rules(), _summary(told))


def _source(workspace: Path, version: ContractVersion) -> str:
    folder = workspace / "contracts" / version.contract.contract.replace(".", "/", 1) / version.version
    found = sorted(folder.glob("*api.*"))
    return found[0].as_posix() if found else ""


def _items(told: dict[str, Any], file: str) -> list[Item]:
    return [
        Item(
            each["rule"],
            each["level"],
            f"{each['operation']}: {each['message']}" if each["operation"] else each["message"],
            file if each["location"] else "",
            each["location"],
            each["request"],
        )
        for each in told["findings"]
    ]


def _idle(outcome: Outcome) -> list[Item]:
    return [
        Item("not-exercised", "hint", f"{each.operation} was not exercised: {each.reason}")
        for each in outcome.operations
        if each.state == "not exercised"
    ]


def _rules() -> list[RuleText]:
    from controlplane.conformance.judge import RULES

    return [RuleText(rule.id, rule.title, remedy=rule.remedy, level=rule.level) for rule in RULES.values()]


def _say(told: dict[str, Any]) -> None:
    rows = [
        (
            each["state"],
            each["operation"],
            ", ".join(f"{status} × {count}" for status, count in each["statuses"].items()),
            each["reason"],
        )
        for each in told["operations"]
    ]
    say_table(("outcome", "operation", "answers", "why"), rows)
    rules = {rule.id: rule for rule in _rules()}
    for each in told["findings"]:
        times = f" ({each['count']} times)" if each["count"] > 1 else ""
        say(f"{each['level']}: {each['operation']} {each['message']} [{each['rule']}]{times}".replace("  ", " "))
        if each["location"]:
            say(f"  at {each['location']}")
        if each["request"]:
            say(f"  {each['request']}")
        if remedy := rules[each["rule"]].remedy:
            say(f"  → {remedy}")
    say(_summary(told))


def _summary(told: dict[str, Any]) -> str:
    idle = sum(each["state"] == "not exercised" for each in told["operations"])
    verdict = _VERDICTS[told["verdict"]]
    count = len(told["operations"])
    rest = f", {idle} not exercised" if idle else ""
    made = f"{told['requests']} requests, {count} operations{rest}, seed {told['seed']}"
    return f"{told['contract']} at {told['target']}: {verdict}; {made}"


__all__ = ["chosen", "test"]
