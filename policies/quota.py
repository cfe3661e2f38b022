"""A request quota: what it asks of the group's buckets and what it tells the client.

Sources: generic cell rate algorithm, ITU-T I.371; draft-ietf-httpapi-ratelimit-headers-11 (RateLimit,
RateLimit-Policy); RFC 6585 §4 (429), RFC 9110 §10.2.3 (Retry-After).
"""

from __future__ import annotations

from math import ceil
from typing import Any

from policies.decision import Decision, reject
from policies.policy import Need

_ROUNDING = 1e-6  # binary fractions of intervals must not lose the last call


class Quota:
    """`limit` calls per `window_s`, of which at most `burst` at once.

    `envelope` has its buckets for itself: a quota in shadow takes nothing from an enforced one of the same `name`.
    """

    def __init__(self, envelope: str, name: str, limit: int, window_s: float, burst: int) -> None:
        self._interval_s = window_s / limit
        self._burst_s = (burst - 1) * self._interval_s  # an idle bucket lets burst calls through at once
        self._envelope = envelope
        self._name = name  # told to clients
        self._needs: dict[tuple[str, ...], tuple[Need]] = {}  # as many as consumers and entities are known
        self._policy = (b"ratelimit-policy", f'"{name}";q={burst};w={ceil(burst * self._interval_s)}'.encode())
        self._state = f'"{name}";r=%d;t=%d'.encode()

    def needs(self, *bucket: str) -> tuple[Need]:
        """The one fact that takes one call from `bucket`; ask for it once a call."""
        needs = self._needs.get(bucket)
        if needs is None:
            need = Need("quota", ((self._envelope, *bucket), self._interval_s, self._burst_s))
            needs = self._needs[bucket] = (need,)
        return needs

    def judge(self, taken: tuple[float, float]) -> Decision:
        """`taken`: seconds to wait (0: allowed), seconds until the bucket is full again."""
        wait_s, full_in_s = taken
        left = int((self._burst_s + self._interval_s - full_in_s) / self._interval_s + _ROUNDING)
        headers: tuple[Any, ...] = (self._policy, (b"ratelimit", self._state % (max(left, 0), ceil(full_in_s))))
        if wait_s <= 0:
            return Decision("allow", headers=headers)
        headers = (*headers, (b"retry-after", b"%d" % ceil(wait_s)))
        return reject(429, "rate-limited", f"The quota {self._name} is used up for now.", headers=headers)
