"""What is checked of every signed bearer token, at the gateway as at the control plane. Pure: no clock, no I/O.

Sources: RFC 7519, RFC 8725 (explicit algorithms, `typ`, `aud`, `iss`), RFC 7515 §4.1.11 (`crit`), RFC 7797 (`b64`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt as pyjwt

from policies.keyset import Issuer

_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


def is_acceptable(header: Mapping[str, Any], issuer: Issuer) -> bool:
    """Whether a token with this header is a plain JWT, signed in a way that the issuer may."""
    kind = header.get("typ", "JWT")
    if "crit" in header or header.get("b64") is False:
        return False
    return isinstance(kind, str) and kind.lower() in _TYPES and header.get("alg") in issuer.algorithms


def verified_claims(token: str | bytes, key: Any, algorithm: str, issuer: Issuer) -> Mapping[str, Any]:
    """What a token says, its signature, issuer and audience checked. Its times are for the caller to judge, by a clock
    of his own. Raises: jwt.PyJWTError; ValueError, TypeError."""
    claims: Mapping[str, Any] = pyjwt.decode(
        token,
        key=key,
        algorithms=[algorithm],
        audience=issuer.audience,
        issuer=issuer.issuer,
        options={
            "require": ["exp", "iss", "aud", "sub"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )
    return claims


def numeric_date(value: Any) -> float:
    """Seconds since the epoch. Raises: ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise ValueError("not a NumericDate")
    return float(value)
