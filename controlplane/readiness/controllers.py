"""REST surface of the question whether a version can be published."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

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
