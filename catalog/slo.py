"""Service level objectives: a subset of OpenSLO v1, with the metric source `waybill`.

    apiVersion: openslo/v1
    kind: SLO
    metadata:
      name: receipt-reaches-erp                    # RFC 1123 label
      displayName: Receipt reaches the ERP
      annotations: {waybill/meaning: "Goods that were received are in the books within 15 minutes.",
                    waybill.dev/owner: receiving-systems, waybill.dev/steward: materials-management}
    spec:
      service: receiving.receipts
      budgetingMethod: Occurrences
      timeWindow: [{duration: 28d, isRolling: true}]
      indicator:
        metadata: {name: receipt-reaches-erp}
        spec:
          ratioMetric:
            counter: true
            good: {metricSource: {type: waybill, spec: {source: lifecycle, object: receipt,
                                                        from: receipt.posted, to: receipt.accepted, deadline_s: 900}}}
            total: {metricSource: {type: waybill, spec: {source: lifecycle, object: receipt, from: receipt.posted}}}
      objectives: [{target: 0.99}]

Metric source `waybill`, two sources; `total` repeats the selection of `good` without what makes it good:

- `http`: exchanges of `operations` ("<contract>/<operationId>"). Good: answered within `threshold_ms` and without a
  5xx whose fault lies with the system or the gateway. A refusal of a wrong request is a good answer.
- `lifecycle`: objects of type `object` that had the event `from`. Good: the event `to` came within `deadline_s`, or
  within `deadline_business_days` by the calendar and time zone of the legal entity in whose name the object began: the
  same time of day, that many business days later (`catalog.calendar.BusinessTime.add_days`). Bad as soon as the
  deadline passes, even if nothing ever comes; open before that.

What OpenSLO allows and this subset does not (thresholdMetric, raw, bad, Timeslices, calendar windows, alert policies,
indicatorRef, several objectives) is refused, never ignored.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from catalog.errors import Problem
from catalog.shape import shape
from catalog.snapshot import canonical_json, sha256_hex

MEANING = "waybill/meaning"
OWNER = "waybill.dev/owner"
STEWARD = "waybill.dev/steward"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123
_SERVICE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")  # a contract's name serves as well
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])")  # M, Q and Y belong to calendar windows
_UNIT_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_Named = Annotated[str, Meta(min_length=1)]


class HttpSource(msgspec.Struct, frozen=True, tag="http", tag_field="source", forbid_unknown_fields=True):
    """Exchanges of some operations; good within `threshold_ms` and without a fault of system or gateway."""

    operations: Annotated[tuple[_Named, ...], Meta(min_length=1)]  # "<contract>/<operationId>"
    threshold_ms: Annotated[int, Meta(gt=0)]


class LifecycleSource(
    msgspec.Struct,
    frozen=True,
    tag="lifecycle",
    tag_field="source",
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"from_event": "from", "to_event": "to"},
):
    """Objects that had `from_event`; good when `to_event` follows in time. Exactly one of the deadlines is given."""

    object: _Named
    from_event: _Named
    to_event: _Named
    deadline_s: Annotated[int, Meta(gt=0)] | None = None
    deadline_business_days: Annotated[int, Meta(gt=0, le=365)] | None = None

    def __post_init__(self) -> None:
        if (self.deadline_s is None) == (self.deadline_business_days is None):
            raise ValueError(f"exactly one of {' and '.join(_DEADLINES)}")


_DEADLINES = ("deadline_s", "deadline_business_days")

Source = HttpSource | LifecycleSource


class SloSpec(msgspec.Struct, frozen=True):
    """One objective, ready to be evaluated. `sha256` of its meaning (all but titles and texts) is its version."""

    name: str
    title: str
    service: str
    target: str  # exact decimal text, 0 <= target < 1
    window: str  # as written, e.g. "28d"
    window_s: int
    source: Source
    meaning: str = ""  # business meaning in one sentence
    sha256: str = ""
    owner: str = ""  # the team that keeps the objective
    steward: str = ""  # who decides in the business what it means

    @property
    def target_ratio(self) -> Decimal:
        return Decimal(self.target)


class _Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A piece of an OpenSLO document."""


class _Metadata(_Part):
    """What an objective is called, and whose it is."""

    name: str  # RFC 1123 label, at most 63 characters
    display_name: str = ""  # for people
    labels: dict[str, Any] = {}  # free
    annotations: dict[str, str] = {}  # waybill.dev/owner, waybill.dev/steward


class SloDocument(_Part):
    """slos/*.yaml as written: OpenSLO v1, kind SLO."""

    api_version: Literal["openslo/v1"]  # OpenSLO v1
    kind: Literal["SLO"]  # the only kind read here
    metadata: _Metadata  # name, titles, owner and steward
    spec: dict[str, Any]  # service, target, window and indicator as OpenSLO writes them


class _Window(_Part):
    duration: str
    is_rolling: bool


class _MetricSource(_Part):
    type: Literal["waybill"]
    spec: dict[str, Any]


class _Metric(_Part):
    metric_source: _MetricSource


class _Ratio(_Part):
    good: _Metric
    total: _Metric
    counter: bool = True


class _IndicatorSpec(_Part):
    ratio_metric: _Ratio


class _Indicator(_Part):
    spec: _IndicatorSpec
    metadata: _Metadata | None = None


class _Objective(_Part):
    target: float | int | None = None
    target_percent: float | int | None = None
    display_name: str = ""


class _Spec(_Part):
    service: str
    budgeting_method: Literal["Occurrences"]
    indicator: _Indicator
    time_window: Annotated[list[_Window], Meta(min_length=1, max_length=1)]
    objectives: Annotated[list[_Objective], Meta(min_length=1, max_length=1)]
    description: str = ""


def parse_slo(data: Any, file: str = "") -> tuple[SloSpec | None, list[Problem]]:
    """A parsed OpenSLO document as a spec, or None and everything that is wrong with it."""
    document, problems = shape(data, SloDocument, file)
    spec, more = shape(data.get("spec"), _Spec, file, "/spec") if isinstance(data, dict) else (None, [])
    if document is None or spec is None:
        return None, problems + more
    source, wrong = _source(spec.indicator.spec.ratio_metric, file)
    wrong = [*problems, *more, *_rule_problems(document.metadata, spec, file), *wrong]
    if wrong or source is None:
        return None, wrong
    return _spec(document.metadata, spec, source), []


_TARGET = "write target in [0, 1) or targetPercent in [0, 100)"


def _rule_problems(metadata: _Metadata, spec: _Spec, file: str) -> list[Problem]:
    """What OpenSLO's own rules forbid beyond the shape."""
    window = spec.time_window[0]
    checks = [
        (_LABEL.fullmatch(metadata.name), "not an RFC 1123 label", "/metadata/name", "use lower case, digits, hyphens"),
        (
            _SERVICE.fullmatch(spec.service),
            "not an RFC 1123 name",
            "/spec/service",
            "use lower case, digits, hyphens and dots",
        ),
        (_DURATION.fullmatch(window.duration), "not a duration", "/spec/timeWindow/0/duration", "such as 28d, 4w, 12h"),
        (window.is_rolling, "only rolling windows are known", "/spec/timeWindow/0/isRolling", "write true"),
        (_target(spec.objectives[0]), "has no target that can be kept", "/spec/objectives/0", _TARGET),
    ]
    return [Problem(text, place, file, remedy, "slo") for holds, text, place, remedy in checks if not holds]


def _spec(metadata: _Metadata, spec: _Spec, source: Source) -> SloSpec:
    window = spec.time_window[0].duration
    window_s = int(window[:-1]) * _UNIT_S[window[-1]]
    target = _target(spec.objectives[0]) or ""
    essence = {"name": metadata.name, "target": target, "window_s": window_s, "source": msgspec.to_builtins(source)}
    return SloSpec(
        name=metadata.name,
        title=metadata.display_name or metadata.name,
        service=spec.service,
        target=target,
        window=window,
        window_s=window_s,
        source=source,
        meaning=metadata.annotations.get(MEANING, spec.description),
        sha256=sha256_hex(canonical_json(essence)),
        owner=metadata.annotations.get(OWNER, ""),
        steward=metadata.annotations.get(STEWARD, ""),
    )


def _target(objective: _Objective) -> str | None:
    """The target as exact text; `repr` of a float gives back the digits that were written."""
    if (objective.target is None) == (objective.target_percent is None):
        return None
    if objective.target is not None:
        ratio = Decimal(repr(objective.target))
    else:
        ratio = Decimal(repr(objective.target_percent)) / 100
    return format(ratio.normalize(), "f") if 0 <= ratio < 1 else None


#: source -> the members of `good` that `total` leaves out
_MAKES_GOOD: dict[str, frozenset[str]] = {
    "http": frozenset({"threshold_ms"}),
    "lifecycle": frozenset({"to", *_DEADLINES}),
}


def _source(ratio: _Ratio, file: str) -> tuple[Source | None, list[Problem]]:
    base = "/spec/indicator/spec/ratioMetric"
    good, total = ratio.good.metric_source.spec, ratio.total.metric_source.spec
    makes_good = _MAKES_GOOD.get(str(good.get("source")))
    if makes_good is None:
        place = f"{base}/good/metricSource/spec/source"
        return None, [Problem("not a source", place, file, "write http or lifecycle", "slo")]
    members = {name: value for name, value in good.items() if name != "source"}
    source: Source | None
    if good["source"] == "http":
        source, problems = shape(members, HttpSource, file, f"{base}/good/metricSource/spec")
    elif sum(name in members for name in _DEADLINES) != 1:
        place, remedy = f"{base}/good/metricSource/spec", f"write exactly one of {' and '.join(_DEADLINES)}"
        source, problems = None, [Problem("has no deadline that can be kept", place, file, remedy, "slo")]
    else:
        source, problems = shape(members, LifecycleSource, file, f"{base}/good/metricSource/spec")
    if total != {name: value for name, value in good.items() if name not in makes_good}:
        problems.append(
            Problem(
                f"total must repeat good without {', '.join(sorted(makes_good))}",
                pointer=f"{base}/total/metricSource/spec",
                file=file,
                remedy="copy spec of good and leave those out",
                rule="slo",
            )
        )
    return source, problems
