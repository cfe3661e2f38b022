"""REST surface of the audit of people's acts."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy import select

from controlplane.act.store import act
from controlplane.context import Context
from controlplane.identity.guard import audit


class Act(msgspec.Struct, frozen=True):
    """Who did what, in which role, when. `act_id` counts up without end."""

    act_id: int
    at_us: int
    who_id: str
    who: str
    role: str
    what: str
    target: str
    detail: dict[str, Any]


class Acts(msgspec.Struct, frozen=True):
    items: list[Act]


class ActController(Controller):
    tags = ("audit",)

    @get("/audit", guards=[audit], sync_to_thread=True)
    def list_all(
        self,
        context: NamedDependency[Context],
        who: FromQuery[str] = "",
        what: FromQuery[str] = "",
        target: FromQuery[str] = "",
        before: Annotated[int, QueryParameter(ge=0)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 100,
    ) -> Acts:
        """What people did, the latest first. `what` is an act or the beginning of one ("token." for all of tokens);
        `before` is the `act_id` of the last one shown, for the next page."""
        query = select(act).order_by(act.c.act_id.desc()).limit(limit)
        if who:
            query = query.where(act.c.who == who)
        if what:
            query = query.where(act.c.what.startswith(what, autoescape=True))
        if target:
            query = query.where(act.c.target == target)
        if before:
            query = query.where(act.c.act_id < before)
        with context.database.read() as connection:
            rows = connection.execute(query).all()
        return Acts([Act(**{**row._mapping, "detail": json.loads(row.detail)}) for row in rows])
