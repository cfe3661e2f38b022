"""What stands between now and the close of the books: objects not in their final state, by hours to the cut-off.

A period is a calendar month in the time zone of the object's legal entity; an object belongs to the month in which it
began its life cycle. The month is cut off at the end of the n-th business day after it, by the entity's own calendar.
Records of calls carry no cut-off of a period document, only its status, so that these months are all that is known.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from catalog.measure import Measure
from catalog.slo import LifecycleSource
from controlplane.overview.exception import without_amount, worth_of
from controlplane.overview.figure import Detail, Reading, Scope, parts_of
from controlplane.overview.opening import begun
from controlplane.slo.definition import published_calendars
from controlplane.slo.store import slo_contribution

HOUR_US = 3_600_000_000
PAST = "past the cut-off"
#: hours to the cut-off, at most
STEPS = ((0, PAST), (24, "cut-off within 24 h"), (72, "within 72 h"), (240, "within 10 days"))
LATER = "later"


def backlog(measure: Measure, scope: Scope) -> Reading:
    """Numerator: open objects of all periods so far; denominator: those that began in the window."""
    wanted = [item for item in scope.definitions if item.spec.name in measure.slos]
    slo_ids = [item.slo_id for item in wanted if isinstance(item.spec.source, LifecycleSource)]
    missing = sorted(set(measure.slos) - {item.spec.name for item in wanted})
    absent = [f"{', '.join(missing)}, not in force"] if missing else []
    if not slo_ids:
        return Reading("count", None, None, 0, 0, "", exclusions="; ".join(absent))
    cut_offs = _cut_offs(measure, scope, slo_ids)
    steps = Counter(_step(cut_off_us - scope.as_of_us) for cut_off_us, _ in cut_offs.values())
    denominator = begun(scope, slo_ids)
    count = len(cut_offs)
    worth = worth_of(scope, list(cut_offs))
    has_data = bool(count or denominator)
    return Reading(
        unit="count",
        value=count if has_data else None,
        judged=steps[PAST] if has_data else None,
        numerator=count,
        denominator=denominator,
        denominator_label="objects begun",
        exclusions="; ".join([*absent, *filter(None, [without_amount(worth.unpriced)])]),
        still_open=count - steps[PAST],
        overdue=steps[PAST],
        judged_label=PAST,
        money=worth.money,
        where=parts_of(Counter(entity for _, entity in cut_offs.values())),
        detail=[Detail(label, steps[label], steps[label] / count) for label in _LABELS] if count else [],
        query={"slo": ",".join(item.spec.name for item in wanted), "state": "open"},
    )


_LABELS = (*(label for _, label in STEPS), LATER)


def _cut_offs(measure: Measure, scope: Scope, slo_ids: list[int]) -> dict[int, tuple[int, str]]:
    """When the period of each open object is cut off (UTC µs), and for whom; the earliest where it is in several life
    cycles."""
    calendars, table = published_calendars(scope.connection), slo_contribution.c
    query = select(table.object_id, table.legal_entity, table.started_us)
    rows = scope.connection.execute(scope.narrow(query.where(table.slo_id.in_(slo_ids), table.state == "open"), table))
    found: dict[int, tuple[int, str]] = {}
    for number, entity, started_us in rows:
        cut_off_us = calendars.cut_off_us(started_us, entity, measure.cut_off_business_days)
        found[number] = min((cut_off_us, entity), found.get(number, (cut_off_us, entity)))
    return found


def _step(left_us: int) -> str:
    return next((label for hours, label in STEPS if left_us <= hours * HOUR_US), LATER)
