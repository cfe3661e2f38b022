"""`waivers/*.yaml`: single incompatible changes that are let through on purpose, for a while (catalog rules: what
cannot be proved safe counts as breaking, and passes only by a waiver).

    - fingerprint: 3f0c…           # of the change, as `waybill plan` and `waybill contract diff` print it
      subject: finance.invoices    # the contract, or the business object of the canonical schema
      reason: The only consumer of this field was switched over on 3 March.
      approver: head-of-accounts-payable
      expires: 2026-12-31          # the last day on which it counts, UTC

A fingerprint is made of the rule, the place and the hashes of what stood there before and after: another change at the
same place has another one, and is not waived.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change that is let through although it breaks, or may break, those who rely on the contract or schema."""

    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{16,64}$")]  # of the change
    subject: str  # name of the contract, or business object of the canonical schema
    reason: Annotated[str, Meta(min_length=1)]  # why nobody is harmed
    approver: Annotated[str, Meta(min_length=1)]  # who answers for it
    expires: date  # last day on which it counts, UTC

    @property
    def key(self) -> str:
        return f"{self.subject} {self.fingerprint}"

    def covers(self, subject: str, fingerprint: str) -> bool:
        """Whether it is of that change; the first 16 digits of a fingerprint, or more, may stand for it."""
        return self.subject == subject and fingerprint.startswith(self.fingerprint)

    def is_in_force(self, today: date) -> bool:
        return today <= self.expires
