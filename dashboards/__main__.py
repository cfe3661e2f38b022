"""`python -m dashboards`: the pages, with sign-in at an OpenID provider when one is named, else by token."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from dashboards.sign_in import WAY, Provider, write_secrets

SECRET = "WAYBILL_OIDC_CLIENT_SECRET"  # noqa: S105 - the name of a variable
EPILOG = """without --oidc-issuer readers paste a token, or WAYBILL_TOKEN is everybody's.
example: python -m dashboards --url http://127.0.0.1:8400 --port 8501 --oidc-issuer https://id.example.org
  --oidc-client-id waybill-pages --oidc-client-secret-file /etc/waybill/client-secret --public-url https://waybill.example.org
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("python -m dashboards", description=__doc__, epilog=EPILOG)
    made.add_argument("--url", default=os.environ.get("WAYBILL_URL", ""), help="control plane (WAYBILL_URL)")
    made.add_argument("--host", default="127.0.0.1", help="address to listen at")
    made.add_argument("--port", type=int, default=8501, help="port to listen at")
    made.add_argument("--state-dir", type=Path, default=Path(".waybill-dashboards"), help="for the sign-in's secrets")
    made.add_argument("--oidc-issuer", default="", help="URL of the OpenID provider")
    made.add_argument("--oidc-client-id", default="", help="what the provider knows these pages as; its tokens' `aud`")
    made.add_argument("--oidc-client-secret-file", type=Path, help=f"file with the client's secret, or set {SECRET}")
    made.add_argument("--public-url", default="", help="where browsers find the pages; default: --host and --port")
    return made


def main() -> None:
    options = parser().parse_args()
    if not options.url:
        parser().error("--url (or WAYBILL_URL) says where the control plane is")
    argv = ["streamlit", "run", str(Path(__file__).with_name("app.py")), "--server.headless", "true"]
    argv += ["--server.address", options.host, "--server.port", str(options.port)]
    argv += ["--browser.gatherUsageStats", "false"]
    environment = {**os.environ, "WAYBILL_URL": options.url}
    if options.oidc_issuer:
        public_url = options.public_url or f"http://{options.host}:{options.port}"
        argv += ["--secrets.files", str(write_secrets(options.state_dir, _provider(options), public_url).resolve())]
        environment[WAY] = "oidc"
    os.execve(sys.executable, [sys.executable, "-m", *argv], environment)  # noqa: S606 - no shell is wanted


def _provider(options: argparse.Namespace) -> Provider:
    secret = os.environ.get(SECRET, "")
    try:
        if options.oidc_client_secret_file is not None:
            secret = options.oidc_client_secret_file.read_text().strip()
    except OSError as error:
        parser().error(f"{options.oidc_client_secret_file} cannot be read: {error.strerror}")
    if not options.oidc_client_id or not secret:
        parser().error(f"--oidc-issuer needs --oidc-client-id and --oidc-client-secret-file (or {SECRET})")
    return Provider(options.oidc_issuer, options.oidc_client_id, secret)


if __name__ == "__main__":
    main()
