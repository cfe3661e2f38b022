"""What a backend is: a list of routes over its own state, with answers as values and refusals as exceptions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol


class Refusal(Exception):
    """The system says no. `violations` are (JSON pointer, message)."""

    def __init__(self, status: int, code: str, detail: str, violations: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.violations = violations


class Inbound(NamedTuple):
    """A request as a backend sees it."""

    parameters: dict[str, str]  # of the path
    query: dict[str, str]
    headers: dict[str, str]  # names lower case
    body: Any

    @property
    def trace(self) -> str:
        """Trace id of the request, "" when it carries none."""
        parts = self.headers.get("traceparent", "").split("-")
        return parts[1] if len(parts) == 4 else ""


class Result(NamedTuple):
    """An answer. `effect` says that this very request changed state; `object` is (type, id) of what it is about."""

    status: int
    body: Any
    object: tuple[str, str] | None = None
    effect: bool = False
    reference: str = ""  # the caller's own reference on the object


class Route(NamedTuple):
    operation: str  # as the contract calls it
    method: str
    template: str  # "/purchase-orders/{id}/approve"
    handle: Callable[[Inbound], Result]


class Backend(Protocol):
    routes: tuple[Route, ...]

    def pending(self) -> int:
        """Work that is promised and not yet done, such as calls owed to other systems."""
        ...

    def control(self, settings: dict[str, Any]) -> None:
        """Take a fault setting that only this backend knows (`server` knows the general ones)."""
        ...

    async def close(self) -> None: ...


class Router:
    """Finds the route of a raw path; parameters are one path segment each."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._routes = tuple(
            (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.template)), route) for route in routes
        )

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Raises: Refusal 404 for an unknown path, 405 for a method that the path does not have."""
        is_known = False
        for pattern, route in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if route.method == method:
                return route, found.groupdict()
            is_known = True
        if is_known:
            raise Refusal(405, "method-not-allowed", "the resource does not have this method")
        raise Refusal(404, "not-found", "there is no such resource")
