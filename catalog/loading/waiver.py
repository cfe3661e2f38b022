"""Reading waivers, and who they are for."""

from __future__ import annotations

from catalog.loading.file import Files
from catalog.waiver import Waiver


def read_waivers(files: Files) -> dict[str, Waiver]:
    return {
        waiver.key: waiver
        for waiver, path, pointer in files.items("waivers", Waiver, "waiver", "fingerprint")
        if files.note_source("waiver", waiver.key, path, pointer)
    }
