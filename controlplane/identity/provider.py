"""The sign-in that settings ask for."""

from __future__ import annotations

import ssl
from functools import partial

from catalog.errors import Invalid
from controlplane.identity.jwks import Keys, fetch_jwks
from controlplane.identity.oidc import ALGORITHMS, SignIn, read_rules
from controlplane.settings import Settings
from policies.keyset import Issuer


def sign_in_of(settings: Settings) -> SignIn | None:
    """None without an issuer. Raises: Invalid for settings that do not make sense, before anything is served."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_audience or settings.oidc_rules is None:
        raise Invalid("--oidc-issuer needs --oidc-audience and --oidc-rules: nothing is granted by default")
    rules = read_rules(settings.oidc_rules)
    try:
        issuer = Issuer(
            settings.oidc_issuer,
            settings.oidc_audience,
            ALGORITHMS,
            discovery=True,
            max_stale_s=settings.oidc_max_stale_s,
        )
        trust = ssl.create_default_context(cafile=settings.oidc_ca_file)
    except (ValueError, OSError) as error:
        raise Invalid(f"the OpenID provider cannot be used: {error}") from error
    keys = Keys(issuer, partial(fetch_jwks, issuer, trust), path=settings.data_dir / "sign-in-keys.json")
    return SignIn(issuer, rules, keys)
