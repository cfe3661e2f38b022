"""What a gateway got when it enrolled: its credential, the group's pepper, the pinned snapshot key. One 0600 file."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from catalog.errors import Invalid, Unavailable
from gateway.sync.client import ControlPlane, Enrolled

FILE = "enrolment.json"


class Enrolment(msgspec.Struct, frozen=True):
    gateway: str
    group: str
    credential: str
    pepper: bytes
    snapshot_key: bytes  # raw Ed25519

    @property
    def public_key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.snapshot_key)


def load(state_dir: Path) -> Enrolment | None:
    """None when this state directory never enrolled. Raises: Invalid for a file that is damaged or open to others."""
    path = state_dir / FILE
    try:
        if path.stat().st_mode & 0o077:
            raise Invalid(f"{path} holds secrets and may be read by others; its mode must be 0600")
        return _enrolment(msgspec.json.decode(path.read_bytes(), type=Enrolled))
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid(f"{path} is damaged: {error}; remove it and enrol again") from error


async def enrol(control_plane: ControlPlane, state_dir: Path, token: str, name: str) -> Enrolment:
    """Trade a one-time token and keep what came. Raises: Unauthorized, Unavailable, Invalid."""
    enrolled = await control_plane.enrol(token, name)
    try:
        enrolment = _enrolment(enrolled)
    except ValueError as error:
        raise Invalid(f"the control plane's answer makes no sense: {error}") from error
    try:
        _keep(state_dir, enrolled)
    except OSError as error:
        raise Unavailable(f"the enrolment cannot be kept in {state_dir}: {error.strerror}") from error
    return enrolment


def credential(state_dir: Path) -> str:
    """As it is kept now; "" when nothing readable is."""
    try:
        found = load(state_dir)
    except (Invalid, OSError):
        return ""
    return found.credential if found is not None else ""


async def renew(control_plane: ControlPlane, state_dir: Path) -> str:
    """Fetch a new credential, keep it, use it; its public id. Raises: Unauthorized, Unavailable, Invalid."""
    fresh = await control_plane.renew()
    try:
        kept = msgspec.json.decode((state_dir / FILE).read_bytes(), type=Enrolled)
        _keep(state_dir, msgspec.structs.replace(kept, credential=fresh))
    except (OSError, msgspec.DecodeError) as error:
        raise Invalid(f"the new credential cannot be kept in {state_dir}: {error}") from error
    control_plane.use(fresh)
    return fresh.split("_")[1]


def _keep(state_dir: Path, enrolled: Enrolled) -> None:
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(state_dir / FILE, msgspec.json.encode(enrolled))


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` (mode 0600) at once and durably, or leave it as it was."""
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _enrolment(enrolled: Enrolled) -> Enrolment:
    try:
        pepper = base64.b64decode(enrolled.pepper, validate=True)
        key = base64.b64decode(enrolled.snapshot_key, validate=True)
    except binascii.Error as error:
        raise ValueError("pepper or snapshot key is not base64") from error
    enrolment = Enrolment(enrolled.gateway, enrolled.group, enrolled.credential, pepper, key)
    _ = enrolment.public_key
    return enrolment
