"""People who sign in at an OpenID provider: a bearer JWT of the configured issuer becomes a `User` by declared rules.

Nothing is granted by default: a rule names claim, value, role and entities, and the first that fits decides. What a
person may choose alone (a display name, an address that was not verified) is never looked at.

Sources: those of `policies.bearer`; OpenID Connect Core 1.0 §5.7 (only `iss` and `sub` together identify a person;
`email` counts when `email_verified` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import jwt as pyjwt
import msgspec
from msgspec import Meta

from catalog.document import parse_document
from catalog.errors import Forbidden, Invalid, Problem, Unauthorized
from catalog.shape import shape
from controlplane.identity.principal import Role, User
from policies.bearer import is_acceptable, numeric_date, verified_claims
from policies.keyset import Algorithm, Issuer, Key

ALGORITHMS: tuple[Algorithm, ...] = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
LEEWAY_S = 30
MOST_TOKEN_CHARACTERS = 16_384

RoleName = Literal["executive", "operator", "approver", "steward", "architect", "admin"]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who has `value` in `claim` gets the role for the entities."""

    claim: Annotated[str, Meta(min_length=1)]  # a name, or a JSON pointer such as /realm_access/roles
    value: Annotated[str, Meta(min_length=1)]
    role: RoleName
    entities: Annotated[tuple[str, ...], Meta(min_length=1)]  # ["*"] for all


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of `--oidc-rules`; `groups` is the claim that holds the groups which stewards may be named by."""

    rules: Annotated[tuple[Rule, ...], Meta(min_length=1)]
    groups: str = "groups"


class KeySource(Protocol):
    """Where the issuer's keys come from."""

    def find(self, header: Mapping[str, Any]) -> Key | None:
        """The key that a token's header names. Raises: Unavailable when there are no keys that count."""
        ...


class SignIn(NamedTuple):
    """An issuer, its keys, and what its people may do."""

    issuer: Issuer
    rules: Rules
    keys: KeySource

    def claims(self, token: str, now_s: float) -> Mapping[str, Any]:
        """What a token says, when it is the issuer's and holds now. Raises: Unauthorized; Unavailable."""
        if len(token) > MOST_TOKEN_CHARACTERS:
            raise Unauthorized("the token is too long")
        try:
            return self._verified(token, now_s)
        except (pyjwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthorized("the token is not valid") from error

    def _verified(self, token: str, now_s: float) -> Mapping[str, Any]:
        header = pyjwt.get_unverified_header(token)
        if not is_acceptable(header, self.issuer):
            raise ValueError("not a plain JWT of an asymmetric algorithm")
        key = self.keys.find(header)
        if key is None or key.algorithm not in (None, header["alg"]):
            raise ValueError("no such key")
        claims = verified_claims(token, key.key, header["alg"], self.issuer)
        expires_s, begins_s = numeric_date(claims["exp"]), numeric_date(claims.get("nbf", 0))
        if now_s >= expires_s + LEEWAY_S or now_s < begins_s - LEEWAY_S:
            raise ValueError("expired or not valid yet")
        return claims

    def user(self, claims: Mapping[str, Any]) -> User:
        """Whom the claims are about, as granted; the scope is for the caller to resolve. Raises: Forbidden."""
        name = verified_email(claims) or str(claims["sub"])
        for rule in self.rules.rules:
            if rule.value in values_of(claims, rule.claim):
                also = frozenset({*values_of(claims, self.rules.groups), name})
                identity = f"oidc:{claims['iss']}|{claims['sub']}"
                return User(identity, name, Role[rule.role], rule.entities, frozenset(), also)
        raise Forbidden(f"{name!r} is signed in, but no rule gives a role to any of the claims")


def verified_email(claims: Mapping[str, Any]) -> str:
    """The address when the issuer has verified it, else ""."""
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True else ""


def values_of(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """Texts in a claim (one, or a list of them), at a name or a JSON pointer."""
    if claim == "email":
        return frozenset({verified_email(claims)} - {""})
    found: Any = claims
    for part in claim[1:].split("/") if claim.startswith("/") else [claim]:
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    return frozenset(value for value in values if isinstance(value, str) and value)


def read_rules(path: Path) -> Rules:
    """Raises: Invalid with every problem of the file."""
    try:
        documents, problems = parse_document(path.read_bytes(), str(path))
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    rules = None
    if not problems:
        rules, problems = shape(documents[0] if len(documents) == 1 else documents, Rules, str(path))
    if rules is None or problems:
        raise Invalid("the rules of sign-ins are not valid", problems or [Problem("is empty", file=str(path))])
    return rules
