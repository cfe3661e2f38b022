"""Settings of a gateway process: the command line, else WAYBILL_GATEWAY_<NAME>, else the default here."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from catalog.errors import Invalid
from catalog.log import Format

PREFIX = "WAYBILL_GATEWAY_"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a gateway may be told. Each field is an option (`--state-dir`) and a variable."""

    state_dir: Annotated[Path, Meta(description="directory of the gateway's state; made when missing")]
    control_plane: Annotated[str, Meta(description="base URL of the control plane")]
    name: Annotated[str, Meta(description="name to enrol under; default: the enrolment token's", max_length=60)] = ""
    state_url: Annotated[
        str,
        Meta(description="postgresql:// URL of a state that gateways share; empty: SQLite in --state-dir"),
    ] = ""
    processes: Annotated[int, Meta(description="processes at the one port; more than 1 need --state-url", ge=1)] = 1
    slot: Annotated[int, Meta(description="number of this process, or of the first, within its gateway", ge=0)] = 0
    enrolment_token: Annotated[str, Meta(description="one-time token, needed until the gateway has enrolled")] = ""
    enrolment_token_file: Annotated[Path | None, Meta(description="file that holds the one-time token")] = None
    host: Annotated[str, Meta(description="address to listen at")] = "127.0.0.1"
    port: Annotated[int, Meta(description="port to listen at; 0 chooses a free one", ge=0, le=65_535)] = 0
    ready_file: Annotated[Path | None, Meta(description="written when the gateway listens and runs a snapshot")] = None
    secrets: Annotated[Path | None, Meta(description="file of secrets, name: value, mode 0600")] = None
    tls_certificate_file: Annotated[
        str, Meta(description="PEM file; with it the gateway speaks TLS (1.2 and later); read again when it changes")
    ] = ""
    tls_key_file: Annotated[str, Meta(description="PEM file of the certificate's key")] = ""
    tls_client_ca_file: Annotated[
        str, Meta(description="PEM file of CAs; clients are asked for a certificate of one of them")
    ] = ""
    tls_client_certificate: Annotated[
        Literal["required", "optional"], Meta(description="required or optional, where tls-client-ca-file is set")
    ] = "required"
    allowed_hosts: Annotated[str, Meta(description="Host values to accept, comma-separated; empty: any")] = ""
    trusted_proxies: Annotated[str, Meta(description="addresses or networks of proxies, comma-separated")] = ""
    snapshot_max_age_s: Annotated[
        float, Meta(description="refuse calls when the snapshot was not confirmed for so long; 0: never", ge=0)
    ] = 0.0
    claim_retention_s: Annotated[float, Meta(description="how long Idempotency-Keys are remembered", gt=0)] = 604_800.0
    batch_retention_s: Annotated[float, Meta(description="how long shipped records stay, for export", ge=0)] = 86_400.0
    max_backlog_bytes: Annotated[
        int, Meta(description="records not yet shipped; beyond it mutating calls are refused", gt=0)
    ] = 1 << 30
    max_database_bytes: Annotated[int, Meta(description="size of the state file; 0: the disk decides", ge=0)] = 0
    tell_fields: Annotated[
        bool, Meta(description="whether records name the declared fields that calls held (never their values)")
    ] = True
    log_level: Annotated[str, Meta(description="debug, info, warning or error")] = "info"
    log_format: Annotated[Format, Meta(description="text, or json: one object a line")] = "text"
    otlp_endpoint: Annotated[str, Meta(description="base URL of an OTLP/HTTP collector; empty: the environment's")] = ""
    otlp_headers: Annotated[str, Meta(description="header=secret-name for the collector, comma-separated")] = ""
    otlp_sample_ratio: Annotated[
        float, Meta(description="share of the traces beginning here that is exported", ge=0, le=1)
    ] = 1.0
    otlp_metric_interval_s: Annotated[float, Meta(description="how often metrics are exported", gt=0)] = 60.0
    otlp_queue: Annotated[int, Meta(description="exchanges that may wait for their export", gt=0)] = 2_048

    @property
    def token(self) -> str:
        """The enrolment token, "" when there is none. Raises: Invalid when its file cannot be read."""
        if self.enrolment_token or self.enrolment_token_file is None:
            return self.enrolment_token
        try:
            return self.enrolment_token_file.read_text().strip()
        except OSError as error:
            raise Invalid(f"{self.enrolment_token_file} cannot be read: {error.strerror}") from error


def add_options(parser: argparse.ArgumentParser) -> None:
    """An option per setting, without defaults: those are `Settings`'s."""
    for field in msgspec.structs.fields(Settings):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, dest=field.name, metavar="VALUE", help=_described(field))


def read(options: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Raises: Invalid naming the first setting that is missing or wrong."""
    values: dict[str, str] = {}
    for field in msgspec.structs.fields(Settings):
        given = options.get(field.name)
        if given is None:
            given = environment.get(PREFIX + field.name.upper())
        if given is not None:
            values[field.name] = given
        elif field.required:
            option = f"--{field.name.replace('_', '-')}"
            raise Invalid(f"{option} is missing (or {PREFIX}{field.name.upper()} in the environment)")
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise Invalid(f"a setting is wrong: {error}") from error
    _check_state(settings)
    return settings


def _check_state(settings: Settings) -> None:
    if settings.state_url and not settings.state_url.startswith(("postgresql://", "postgres://")):
        raise Invalid("--state-url must begin with postgresql:// (leave it out for SQLite in --state-dir)")
    if settings.processes > 1 and not settings.state_url:
        raise Invalid(
            f"--processes {settings.processes}: SQLite serves one process; give the processes a state that they can "
            "share by --state-url postgresql://…"
        )


def table() -> str:
    """Markdown: every setting as option and variable, with its default."""
    rows = ["| option | environment | default | meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(Settings):
        option = f"`--{field.name.replace('_', '-')}`"
        default = "required" if field.required else "" if field.default in (None, "") else f"`{field.default}`"
        meaning = next((meta.description for meta in field.type.__metadata__ if meta.description), "")
        rows.append(f"| {option} | `{PREFIX}{field.name.upper()}` | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def _path(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(f"no setting has type {kind}")


def _described(field: msgspec.structs.FieldInfo) -> str:
    description = next((meta.description for meta in field.type.__metadata__ if meta.description), "")
    if field.required:
        return f"{description} (required)"
    default = "" if field.default in (None, "") else f" (default {field.default})"
    return f"{description}{default}"


def split(text: str) -> Sequence[str]:
    """The items of a comma-separated text."""
    return [item.strip() for item in text.split(",") if item.strip()]
