"""A measure: one figure of the overview, declared as data (measures/*.yaml), never in code (design §11.14)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is counted, over which window, and when it is worth a warning.

    kinds: `exceptions` objects of `object` whose latest attempt was refused, or whose status `axis` has one of
    `values`; denominator: objects of that type seen in the window. `open` objects still open in the life cycle SLO
    `slo`. `latency` p95 in ms of the operations `operations` ("<contract>/<operationId>"). `delay` p95 in ms
    from beginning to end of the life cycle SLO `slo`, of the objects that ended in the window. `backlog` objects open
    in any of the life cycle SLOs `slos`, by hours to the cut-off of the month in which they began: the end of the
    `cut_off_business_days`-th business day after it, by the calendar and time zone of their legal entity. `refusals`
    share of calls refused, by policy. `in_doubt` calls whose outcome is unknown. `budget` the least error budget left.

    An attempt is a mutating call on an object; `exceptions` counts an object as refused while an operation was refused
    and has not succeeded. `open` takes its thresholds of the objects past their deadline, `backlog` of those past the
    cut-off; the value counts all.
    `phrase` is the clause of the overview's sentence, by CLDR plural category (`one`, `other`), with {value}, {money},
    {denominator}, for `open` and `backlog` {overdue} and for `budget` {subject}, the objective; a part in [brackets]
    falls away when there is no money. A budget that is more than spent has the phrase `spent`, with {times}.
    """

    id: str  # unique
    title: str  # for people
    kind: Literal[
        "exceptions", "open", "latency", "delay", "backlog", "refusals", "in_doubt", "budget"
    ]  # how it is counted
    definition: str  # one sentence: numerator, denominator, exclusions
    object: str | None = None  # object type counted
    axis: str | None = None  # status axis looked at
    values: list[str] = []  # of the axis: those that count
    is_share: bool = False  # of `exceptions`: the share of the objects seen, not their number
    slo: str | None = None  # name of an objective
    slos: list[str] = []  # names of objectives
    cut_off_business_days: Annotated[int, msgspec.Meta(ge=0, le=60)] = 0  # after the end of the month
    operations: list[str] = []  # "<contract>/<operationId>"
    window_s: int = 86_400  # how far back it looks
    warning_above: float | None = None  # of the figure's value (count, ms, ratio); for budget: below
    bad_above: float | None = None  # as above, for bad
    page: str = "Transactions"  # where its link leads
    rank: int = 0  # place on the overview, least first
    phrase: dict[str, str] = {}  # clause of the overview sentence by plural category
    owner: str = ""  # the team that keeps the measure
    steward: str = ""  # who decides in the business what it means
