"""REST surface of proposals."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody, QueryParameter

from controlplane.approval.service import ApprovalService
from controlplane.approval.view import ProposalView
from controlplane.context import Context
from controlplane.identity.guard import approve, read_everything
from controlplane.identity.principal import User


class Comment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    comment: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    comment: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]


class Proposals(msgspec.Struct, frozen=True):
    items: list[ProposalView]


class ProposedFiles(msgspec.Struct, frozen=True):
    files: dict[str, str]


def provide_service(context: NamedDependency[Context]) -> ApprovalService:
    return ApprovalService(context)


Service = NamedDependency[ApprovalService]
Asker = NamedDependency[User]


class ApprovalController(Controller):
    path = "/approvals"
    tags = ("approval",)
    dependencies = {"service": Provide(provide_service, sync_to_thread=False)}  # noqa: RUF012

    @get("/", guards=[read_everything], sync_to_thread=True)
    def list_all(
        self,
        service: Service,
        user: Asker,
        wanted: Annotated[
            Literal["open", "published", "rejected", "stale", "all"], QueryParameter(name="state")
        ] = "open",
    ) -> Proposals:
        """Proposals, the oldest first: what each needs, who may answer now, whether it is overdue."""
        return Proposals(service.list_all(wanted, user))

    @get("/{proposal_id:str}", guards=[read_everything], sync_to_thread=True)
    def show(self, proposal_id: FromPath[str], service: Service, user: Asker) -> ProposalView:
        """One proposal with its plan and the answers so far."""
        return service.show(proposal_id, user)

    @get("/{proposal_id:str}/files", guards=[read_everything], sync_to_thread=True)
    def files(self, proposal_id: FromPath[str], service: Service) -> ProposedFiles:
        """The workspace as it would be published."""
        return ProposedFiles(service.files(proposal_id))

    @post("/{proposal_id:str}/approve", guards=[approve], status_code=200, sync_to_thread=True)
    def grant(self, proposal_id: FromPath[str], data: JSONBody[Comment], service: Service, user: Asker) -> ProposalView:
        """Approve all that the asker may answer for; the last approval publishes exactly what was planned."""
        return service.decide(proposal_id, "approved", data.comment, user)

    @post("/{proposal_id:str}/reject", guards=[approve], status_code=200, sync_to_thread=True)
    def reject(self, proposal_id: FromPath[str], data: JSONBody[Reason], service: Service, user: Asker) -> ProposalView:
        """Reject the proposal, or withdraw one's own, with a reason."""
        return service.decide(proposal_id, "rejected", data.comment, user)
