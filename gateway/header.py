"""Which request header is which: singular, identity, hop of our own, or just a header. Names are judged once each.

Identity headers tell a system who is calling, so only the gateway (or a trusted proxy in front) may set them. A
header whose name merely *folds* to a protected one (`X_Api_Key`, `X.Auth.User`: many servers turn every such
character into the same letter) is dropped whoever sends it.
"""

from __future__ import annotations

import re

# At most one of each; two would let two readers pick differently. The values are bits of a set.
SINGULAR = {
    name: 1 << index
    for index, name in enumerate(
        (
            b"host",
            b"content-length",
            b"transfer-encoding",
            b"expect",
            b"content-type",
            b"content-encoding",
            b"authorization",
            b"x-api-key",
            b"idempotency-key",
            b"waybill-legal-entity",
        )
    )
}
HOST, LENGTH, TRANSFER_ENCODING, EXPECT = 1, 2, 4, 8
PLAIN, DROPPED, TRUSTED_ONLY = 0, -1, -2

# "*" at the end: every name that starts so. The last lines rewrite what a policy has judged (method, path).
IDENTITY_HEADERS = (
    "forwarded",
    "x-forwarded-*",
    "x-real-ip",
    "x-auth-*",
    "x-authenticated-*",
    "x-user*",
    "x-remote-*",
    "remote-*",
    "x-consumer-*",
    "x-client-cert*",
    "x-ssl-client-*",
    "ssl-client-*",
    "client-cert*",
    "x-amzn-mtls-*",
    "x-arr-clientcert*",
    "x-mtls-*",
    "x-tls-*",
    "proxy",
    "x-original-*",
    "x-rewrite-*",
    "x-http-method*",
    "x-method-override",
)
_OWN_FOR_CLIENTS = frozenset({b"waybill-legal-entity", b"waybill-debug"})
_FOLD = re.sub(rb"[^a-z0-9-]", b"-", bytes(range(256)), flags=re.DOTALL)
_NAMES_MAX = 2048
_NAME_BYTES_MAX = 64


def folded(name: bytes) -> bytes:
    """`name` (lower case) as a server may read it that takes everything but letters and digits for the same."""
    return name.translate(_FOLD)


class HeaderNames:
    """Name as received → (lower case, kind); remembers up to 2,048 names, so a known one costs a look-up."""

    def __init__(self, identity_headers: tuple[str, ...] = IDENTITY_HEADERS) -> None:
        names = [name.lower().encode("ascii") for name in identity_headers]
        self._exact = frozenset(name for name in names if not name.endswith(b"*"))
        self._prefixes = tuple(name[:-1] for name in names if name.endswith(b"*"))
        self.known: dict[bytes, tuple[bytes, int]] = {}

    def judge(self, received: bytes) -> tuple[bytes, int]:
        """(name in lower case, kind): a bit of SINGULAR, or PLAIN, DROPPED, TRUSTED_ONLY."""
        name = received.lower()
        judged = (name, self._kind(name))
        if len(self.known) < _NAMES_MAX and len(received) <= _NAME_BYTES_MAX:
            self.known[received] = judged
        return judged

    def _kind(self, name: bytes) -> int:
        plain = folded(name)
        if plain != name:
            return DROPPED if self._is_protected(plain) else PLAIN
        if name == b"upgrade" or self._is_reserved(name):
            return DROPPED
        if self._is_identity(name):
            return TRUSTED_ONLY
        return SINGULAR.get(name, PLAIN)

    def _is_protected(self, name: bytes) -> bool:
        return name in SINGULAR or self._is_identity(name) or name.startswith(b"waybill-")

    def _is_reserved(self, name: bytes) -> bool:
        return name.startswith(b"waybill-") and name not in _OWN_FOR_CLIENTS

    def _is_identity(self, name: bytes) -> bool:
        return name in self._exact or name.startswith(self._prefixes)
