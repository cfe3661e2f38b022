"""Client certificates: the subject or an alternative name of a certificate that TLS has verified is a consumer's.

Sources: RFC 8705 §2 (subject and SAN as a client's identity), RFC 4514, RFC 5280 §4.2.1.6. A certificate beside another
credential must not name another consumer; one that names nobody leaves the call to its other credential. Only the
connection's own certificate counts: headers that claim one were dropped at the edge.
"""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec

from catalog.errors import Invalid, Problem
from catalog.network import Consumer
from policies.certificate import name_of, subject_of
from policies.decision import ALLOW, Decision, Identity, reject
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request

_AMBIGUOUS = reject(400, "credential-ambiguous", "The certificate and another credential name different consumers.")
_SEVERAL = reject(400, "credential-ambiguous", "The certificate names more than one consumer.")
_EXPIRED = reject(401, "unauthenticated", "The client's certificate has expired.")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Mtls:
    id: ClassVar[str] = "mtls"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "identity"
    after: ClassVar[tuple[str, ...]] = ("api-key", "jwt")
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, known: dict[str, Consumer]) -> None:
        self._known = known

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        """Raises `Invalid` for an identity that is none, or is two consumers'."""
        known: dict[str, Consumer] = {}
        for blob in around.consumers.values():
            for identity in _identities(blob.consumer):
                if known.setdefault(identity, blob.consumer).consumer != blob.consumer.consumer:
                    raise _refused(f"two consumers have the client certificate of {blob.consumer.consumer}")
        return cls(known) if known else None

    def decide(self, request: Request, facts: Facts) -> Decision:
        certificate = request.certificate
        if certificate is None:
            return ALLOW
        texts = (f"subject:{certificate.subject}", *certificate.names)
        found = {consumer.consumer: consumer for text in texts if (consumer := self._known.get(text))}
        if not found:
            return ALLOW
        if len(found) > 1:
            return _SEVERAL
        if request.started_s >= certificate.until_s:
            return _EXPIRED  # a connection may outlive the certificate that opened it
        (name, consumer), *_ = found.items()
        if request.consumer is not None:
            return ALLOW if request.consumer.consumer == name else _AMBIGUOUS
        principal = certificate.subject or min(certificate.names)
        return Decision("allow", identity=Identity(consumer, f"mtls:{principal}"))


def _identities(consumer: Consumer) -> list[str]:
    if "mtls" not in consumer.auth:
        return []
    try:
        return [
            f"subject:{subject_of(each.subject)}" if each.subject is not None else name_of(each.san or "")
            for each in consumer.mtls
        ]
    except ValueError as error:
        raise _refused(f"consumer {consumer.consumer}: mtls: {error}") from error


def _refused(message: str) -> Invalid:
    return Invalid("policy refused", [Problem(message, rule="mtls")])
