"""Sign-in of people at an OpenID provider: the options, and what control plane and pages are started with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from catalog.errors import Invalid

SECRET = "WAYBILL_OIDC_CLIENT_SECRET"  # noqa: S105 - the name of a variable

IssuerOption = Annotated[
    str, typer.Option(help="URL of an OpenID provider; its people may sign in, as --oidc-rules says.")
]
AudienceOption = Annotated[str, typer.Option(help="What its tokens must be meant for (`aud`).")]
RulesOption = Annotated[
    Path | None, typer.Option(help="YAML: rules of claim, value, role and entities; the first that fits decides.")
]
CaFileOption = Annotated[Path | None, typer.Option(help="PEM; the CA of the provider's server.")]
ClientOption = Annotated[str, typer.Option(help="What the provider knows the pages as; the default of the audience.")]
SecretFileOption = Annotated[
    Path | None, typer.Option(help=f"0600 file with the pages' secret at the provider, or set {SECRET}.")
]
PublicUrlOption = Annotated[str, typer.Option(help="Where browsers find the pages; default: their own address.")]


class SignIn(msgspec.Struct, frozen=True):
    """Where people sign in; without an issuer by token only."""

    issuer: str = ""
    audience: str = ""
    rules: Path | None = None
    ca_file: Path | None = None
    client_id: str = ""
    client_secret_file: Path | None = None
    public_url: str = ""

    def check(self, has_pages: bool) -> None:
        """Raises: Invalid when something that belongs together is missing."""
        if not self.issuer:
            if self != SignIn():
                raise Invalid("the options of sign-in need --oidc-issuer: it names the provider")
            return
        if not (self.audience or self.client_id) or self.rules is None:
            wanted = "--oidc-rules and --oidc-audience (or --oidc-client-id)"
            raise Invalid(f"--oidc-issuer needs {wanted}: nothing is granted by default")
        has_secret = self.client_secret_file is not None or bool(os.environ.get(SECRET))
        if has_pages and not (self.client_id and has_secret):
            raise Invalid(
                f"pages that people sign in at need --oidc-client-id and --oidc-client-secret-file (or {SECRET}); "
                "--no-dashboards leaves them out"
            )
        for option, path in (("rules", self.rules), ("ca-file", self.ca_file), *self._secret_file()):
            if path is not None and not path.is_file():
                raise Invalid(f"--oidc-{option} {path} is no file")

    def control_plane(self) -> list[str]:
        """Options of `waybill serve`."""
        if not self.issuer:
            return []
        argv = ["--oidc-issuer", self.issuer, "--oidc-audience", self.audience or self.client_id]
        argv += ["--oidc-rules", str(self.rules)]
        return argv + (["--oidc-ca-file", str(self.ca_file)] if self.ca_file else [])

    def pages(self) -> list[str]:
        """Options of `python -m dashboards`."""
        if not self.issuer:
            return []
        argv = ["--oidc-issuer", self.issuer, "--oidc-client-id", self.client_id]
        for option, path in self._secret_file():
            argv += [f"--oidc-{option}", str(path)]
        return argv + (["--public-url", self.public_url] if self.public_url else [])

    def _secret_file(self) -> list[tuple[str, Path]]:
        return [("client-secret-file", self.client_secret_file)] if self.client_secret_file else []
