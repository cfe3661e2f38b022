"""The error budget that is left where least is left."""

from __future__ import annotations

from catalog.measure import Measure
from catalog.slo import HttpSource
from controlplane.overview.figure import Detail, Reading, Scope


def budget(_: Measure, scope: Scope) -> Reading:
    """Objectives without data are named, never counted as kept."""
    known = [item for item in scope.standings if item.budget_left_ratio is not None]
    silent = [item.title for item in scope.standings if item.budget_left_ratio is None]
    exclusions = f"without data: {', '.join(silent)}" if silent else ""
    if not known:
        return Reading("ratio", None, None, 0, 0, "events", exclusions=exclusions)
    worst_first = sorted(known, key=lambda item: (item.budget_left_ratio, item.name))
    tightest = worst_first[0]
    has_objects = bool(tightest.overdue or tightest.open or tightest.money_at_risk)
    return Reading(
        unit="ratio",
        value=tightest.budget_left_ratio,
        judged=tightest.budget_left_ratio,
        numerator=tightest.bad,
        denominator=tightest.total,
        denominator_label=f"events of “{tightest.title}” were bad",
        exclusions=exclusions,
        still_open=tightest.open,
        money=tightest.money_at_risk,
        detail=[Detail(f"bad in “{item.title}”", item.bad, item.budget_left_ratio) for item in worst_first],
        query={"slo": tightest.name, "state": "bad"} if has_objects else _calls_of(tightest.name, scope),
        window=f"last {tightest.window[:-1]} {tightest.window[-1]}",
        is_breached=tightest.state == "breached",
        subject=tightest.title,
    )


def _calls_of(name: str, scope: Scope) -> dict[str, str]:
    """What narrows a list of calls to those an objective counts; {} when they belong to several contracts."""
    sources = [item.spec.source for item in scope.definitions if item.spec.name == name]
    operations = [one for source in sources if isinstance(source, HttpSource) for one in source.operations]
    contracts = {operation.split("/", 1)[0] for operation in operations}
    return {"contract": contracts.pop()} if len(contracts) == 1 else {}
