"""REST surface of the question whether a version can be published."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from catalog.errors import NotFound
from controlplane.approval.service import ApprovalService
from controlplane.context import Context
from controlplane.identity.guard import read_everything
from controlplane.readiness.service import Readiness, readiness
from controlplane.registry.controllers import WORKSPACE_BYTES, WorkspaceFiles

DAYS = 30


class ReadinessController(Controller):
    tags = ("registry",)

    @post(
        "/contracts/{name:str}/{version:str}/readiness",
        guards=[read_everything],
        status_code=200,
        sync_to_thread=True,
        request_max_body_size=WORKSPACE_BYTES,
    )
    def ask(
        self,
        name: FromPath[str],
        version: FromPath[str],
        data: JSONBody[WorkspaceFiles],
        context: NamedDependency[Context],
        days: Annotated[int, QueryParameter(ge=1, le=400)] = DAYS,
    ) -> Readiness:
        """Whether a version of the workspace could be published, with every reason; nothing is changed."""
        return readiness(context, data.files, name, version, days)

    @get("/approvals/{proposal_id:str}/readiness", guards=[read_everything], sync_to_thread=True)
    def proposed(
        self,
        proposal_id: FromPath[str],
        name: FromQuery[str],
        context: NamedDependency[Context],
        days: Annotated[int, QueryParameter(ge=1, le=400)] = DAYS,
    ) -> Readiness:
        """The same of a contract version (`name` is <contract>@<version>) of a proposal: whom it touches, and what was
        tested."""
        contract, _, version = name.partition("@")
        files = ApprovalService(context).files(proposal_id)
        if not version:
            raise NotFound(f"{name!r} names no version, such as finance.invoices@2.0.0")
        return readiness(context, files, contract, version, days)
