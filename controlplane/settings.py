"""Settings of the control plane's server: what the command line gives, and limits with their reasons."""

from __future__ import annotations

from pathlib import Path

import msgspec

from catalog.log import Format


class Settings(msgspec.Struct, frozen=True):
    """Everything the server may be told. Paths are absolute or relative to the working directory."""

    data_dir: Path  # holds keys/, and controlplane.sqlite3 unless there is a database_url
    host: str = "127.0.0.1"
    port: int = 0  # 0 chooses a free one
    ready_file: Path | None = None
    admin_token_file: Path | None = None
    database_url: str = ""  # sqlite:///path or postgresql://user@host/database; "" is SQLite in data_dir
    max_body_bytes: int = 16 * 1024 * 1024  # of everything but a workspace, which may be larger
    max_wait_s: float = 30.0  # longest long poll; proxies commonly cut at 60 s
    enrolment_ttl_s: int = 15 * 60
    gateway_stale_after_s: float = 60.0  # two and more missed polls of 20 s
    shutdown_grace_s: float = 3.0  # the whole stop stays under 5 s
    log_format: Format = "text"
    otlp_endpoint: str = ""  # base URL of an OTLP/HTTP collector; "" is the environment's, or none
    otlp_sample_ratio: float = 1.0  # of the traces that begin here
    otlp_metric_interval_s: float = 60.0
    oidc_issuer: str = ""  # URL of the OpenID provider that people may sign in at; "" is none
    oidc_audience: str = ""  # that its tokens must be meant for
    oidc_rules: Path | None = None  # YAML: which claims give which role for which entities
    oidc_ca_file: Path | None = None  # PEM; the CA of the provider's server
    oidc_max_stale_s: int = 86_400  # how long its keys count that cannot be fetched again

    @property
    def database_path(self) -> Path:
        return self.data_dir / "controlplane.sqlite3"

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{self.database_path}"

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"
