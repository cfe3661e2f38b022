"""Carries out commands of the control plane, each once; the acknowledgement is a stream entry."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from catalog.errors import Invalid
from catalog.record import AckEntry
from gateway.state.store import Store
from gateway.sync.client import Command, ControlPlane
from gateway.sync.enrolment import renew

log = logging.getLogger(__name__)

Handler = Callable[[Command], Awaitable[AckEntry]]


def renewal(control_plane: ControlPlane, state_dir: Path) -> Handler:
    """Carries out `renew_credential`: its acknowledgement names the credential that stays."""

    async def handle(command: Command) -> AckEntry:
        try:
            return AckEntry(command.command_id, "done", await renew(control_plane, state_dir))
        except Invalid as error:
            return AckEntry(command.command_id, "refused", str(error))

    return handle


class Commander:
    """`handlers` by kind of command. A handler is idempotent: after a crash it may get the same command again."""

    def __init__(
        self, control_plane: ControlPlane, store: Store, handlers: dict[str, Handler], wait_s: float = 20.0
    ) -> None:
        self._control_plane = control_plane
        self._store = store
        self._handlers = handlers
        self._wait_s = wait_s

    async def poll(self) -> float:
        """One long poll; seconds to pause. Raises: Unavailable, Unauthorized."""
        commands = await self._control_plane.commands(self._wait_s)
        for command in commands:
            if not await self._store.is_acknowledged(command.command_id):
                await self._carry_out(command)
        return 0.5 if commands else 0.1  # commands are offered again until the acknowledgement has been shipped

    async def _carry_out(self, command: Command) -> None:
        handler = self._handlers.get(command.kind)
        if handler is None:
            ack = AckEntry(command.command_id, "refused", f"this gateway does not know {command.kind!r}")
        else:
            ack = await handler(command)
        log.info("command %s (%s): %s %s", command.command_id, command.kind, ack.result, ack.detail)
        await self._store.append_entry("ack", ack)
