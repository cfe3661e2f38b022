"""Intents of this process life that are still being written or not yet recorded: what the state file cannot tell yet.

All of it lives on the event loop's thread, so that looking a claim up and taking it is one step. A claim is here from
the call of `begin` until the commit of its exchange record; before and after that the file knows.
"""

from __future__ import annotations

import msgspec

from gateway.state.store import Answer, Claim, ClaimKey, ClaimState


class _Held:
    __slots__ = ("claim", "is_recorded", "key", "writes")

    def __init__(self, key: ClaimKey | None, claim: Claim) -> None:
        self.key = key
        self.claim = claim
        self.writes = 0  # queued and not committed
        self.is_recorded = False


_MOST_FREE = 4_096


class View:
    """Claims by key and by exchange."""

    def __init__(self) -> None:
        self._by_exchange: dict[str, _Held] = {}
        self._by_key: dict[ClaimKey, _Held] = {}
        self._free: set[ClaimKey] = set()  # looked up and found in nobody's hands; any intent on one ends that

    def __len__(self) -> int:
        return len(self._by_exchange)

    def __contains__(self, exchange_id: str) -> bool:
        return exchange_id in self._by_exchange

    def claim(self, key: ClaimKey) -> Claim | None:
        held = self._by_key.get(key)
        return None if held is None else held.claim

    def hold(self, exchange_id: str, key: ClaimKey | None, fingerprint: str) -> None:
        """A new intent, running; it takes the key over from whoever had it."""
        held = _Held(key, Claim(exchange_id, fingerprint, "running"))
        self._by_exchange[exchange_id] = held
        if key is not None:
            self._by_key[key] = held
            self._free.discard(key)

    def note_free(self, key: ClaimKey) -> None:
        """The state has no claim with this key, and no intent of this process life is on it."""
        if len(self._free) >= _MOST_FREE:
            self._free.clear()
        self._free.add(key)

    def is_free(self, key: ClaimKey) -> bool:
        """Whether `key` was noted to be free and no intent took it since: for a process that shares its state with no
        other. False when it is not known."""
        return key in self._free

    def change(self, exchange_id: str, state: ClaimState, answer: Answer | None, is_checked: bool) -> None:
        held = self._by_exchange.get(exchange_id)
        if held is not None:
            held.claim = Claim(exchange_id, held.claim.fingerprint, state, answer, is_checked)

    def record(self, exchange_id: str, is_checked: bool) -> bool:
        """Its exchange record is queued. False when this process life has no such intent."""
        held = self._by_exchange.get(exchange_id)
        if held is None:
            return False
        held.is_recorded = True
        if is_checked:
            state: ClaimState = "answered" if held.claim.state == "executed" else held.claim.state
            held.claim = msgspec.structs.replace(held.claim, state=state, is_checked=True)
        return True

    def queued(self, exchange_id: str) -> None:
        held = self._by_exchange.get(exchange_id)
        if held is not None:
            held.writes += 1

    def written(self, exchange_id: str) -> None:
        """A queued write came to its end; the last one of a recorded exchange ends its stay here."""
        held = self._by_exchange.get(exchange_id)
        if held is None:
            return
        held.writes -= 1
        if held.is_recorded and held.writes <= 0:
            self.drop(exchange_id)

    def drop(self, exchange_id: str) -> None:
        held = self._by_exchange.pop(exchange_id, None)
        if held is not None and held.key is not None and self._by_key.get(held.key) is held:
            del self._by_key[held.key]
