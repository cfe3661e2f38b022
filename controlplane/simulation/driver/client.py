"""The client identities of the network, each with its own credential, log and patience."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from controlplane.simulation.caller import Caller
from controlplane.simulation.credential import ApiKey, Credential, Signer, TokenCache, read_credential
from controlplane.simulation.log import Log


class Identity(NamedTuple):
    """A client: `timeout_s` is how long it waits for one answer."""

    name: str
    timeout_s: float = 10.0


PORTAL = Identity("requisition-portal")
CLINIC = Identity("clinic-portal")  # may act for one legal entity only
CENTER = Identity("service-center")  # buys, takes in invoices and approves for the clinics
BUYER = Identity("buyer-desk")
DOCK = Identity("dock")
WARD = Identity("ward-stock")
INTAKE = Identity("invoice-intake")
SUPPLIERS = Identity("supplier-portal")
SUPPLIER_DESK = Identity("supplier-desk")
BANK = Identity("bank-verification")
CLOSE = Identity("close-desk")
TREASURY = Identity("treasury", timeout_s=1.5)  # impatient: gives up while an ERP stands still
SHADOW = Identity("shadow-integration")  # nobody registered it
REGISTERED: tuple[Identity, ...] = (
    *(PORTAL, CLINIC, CENTER, BUYER, DOCK, WARD, INTAKE),
    *(SUPPLIERS, SUPPLIER_DESK, BANK, CLOSE, TREASURY),
)


class Desks(NamedTuple):
    """Who does what for a legal entity."""

    requester: Identity
    approver: Identity
    buyer: Identity
    intake: Identity


HOSPITAL = Desks(PORTAL, PORTAL, BUYER, INTAKE)
SERVED = Desks(CLINIC, CENTER, CENTER, CENTER)  # by the shared service center
DESKS: dict[str, Desks] = {"mercy-health": HOSPITAL, "sankt-marien": HOSPITAL, "riverbend-clinics": SERVED}

#: a well-formed key that nobody issued
FORGED = ApiKey("wbk_00000000_" + "A" * 43)


class Clients:
    """One caller for each identity, all on one gateway; logs go to `log_dir`/<name>.ndjson.

    All wait at least `least_s` for an answer: where nothing stands still, nobody needs to be impatient.
    """

    def __init__(self, url: str, key_dir: Path, log_dir: Path, least_s: float = 0.0) -> None:
        self._least_s = least_s
        self._logs: list[Log] = []
        self._callers: dict[str, Caller] = {}
        self._url, self._log_dir = url, log_dir
        for identity in REGISTERED:
            credential = read_credential(key_dir / f"{identity.name}.json")
            self._open(identity, TokenCache(credential) if isinstance(credential, Signer) else credential)
        self._open(SHADOW, FORGED)

    def _open(self, identity: Identity, credential: Credential) -> None:
        log = Log(self._log_dir / f"{identity.name}.ndjson")
        self._logs.append(log)
        self._callers[identity.name] = Caller(
            identity.name, self._url, credential, log, max(identity.timeout_s, self._least_s)
        )

    def __getitem__(self, identity: Identity) -> Caller:
        return self._callers[identity.name]

    async def close(self) -> None:
        for caller in self._callers.values():
            await caller.close()
        for log in self._logs:
            log.close()
