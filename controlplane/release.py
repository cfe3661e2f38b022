"""Which release of Waybill this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """The installed version; "unknown" where it runs without being installed."""
    try:
        return version("waybill-controlplane")
    except PackageNotFoundError:
        return "unknown"
