"""Security requirements of an OpenAPI operation as alternatives of scopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.pointer import join

Tell = Callable[[str, str], None]


def read_scopes(
    document: dict[str, Any], operation: dict[str, Any], pointer: str, refuse: Tell, note: Tell
) -> tuple[tuple[str, ...], ...]:
    """Alternatives of scopes, one of which suffices; () when none is asked. `refuse` and `note` take message, pointer.

    The gateway always authenticates, and a consumer's scopes are those granted to it whatever its credential: an
    alternative without scopes beside one with scopes opens nothing.
    """
    base = pointer if "security" in operation else ""
    alternatives = operation.get("security", document.get("security", []))
    if not isinstance(alternatives, list):
        refuse("must be an array", join(base, "security"))
        return ()
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    found: set[tuple[str, ...]] = set()
    for index, alternative in enumerate(alternatives):
        place = join(base, "security", index)
        if not isinstance(alternative, dict):
            refuse("must be an object", place)
            continue
        if not alternative:
            note("anonymous calls are not allowed", place)
        scopes: set[str] = set()
        for scheme, asked in alternative.items():
            if not isinstance(schemes, dict) or scheme not in schemes:
                refuse(f"security scheme {scheme!r} is not declared", join(place, scheme))
            if isinstance(asked, list) and all(isinstance(scope, str) for scope in asked):
                scopes.update(asked)
            else:
                refuse("must be an array of scopes", join(place, scheme))
        if scopes:
            found.add(tuple(sorted(scopes)))
    return tuple(sorted(found))
