"""What a policy sees of a call. The host fills it in as the chain advances; policies only read it."""

from __future__ import annotations

from typing import Any

from catalog.contract import ContractVersion, Operation
from catalog.network import Consumer
from policies.certificate import Certificate
from policies.media import Headers, media_type


class Request:
    """A call on its way in. Attributes below the blank line are absent until the named step has run."""

    __slots__ = (
        "body",
        "certificate",
        "consumer",
        "document",
        "entity",
        "exchange_id",
        "fingerprint",
        "flaw",
        "headers",
        "idempotency_key",
        "media",
        "method",
        "operation",
        "path",
        "path_parameters",
        "principal",
        "query",
        "scopes",
        "started_s",
        "version",
    )

    def __init__(
        self, exchange_id: str, method: str, path: str, query: str, headers: Headers, started_s: float
    ) -> None:
        self.exchange_id = exchange_id
        self.method = method
        self.path = path  # raw, as received
        self.query = query  # raw, without "?"
        self.headers = headers
        self.started_s = started_s  # wall clock, seconds since the epoch

        self.certificate: Certificate | None = None  # of the connection, verified; None: none was shown
        self.version: ContractVersion | None = None  # routing
        self.operation: Operation | None = None
        self.path_parameters: dict[str, str] = {}  # percent-decoded
        self.consumer: Consumer | None = None  # authentication
        self.principal: str = ""
        self.scopes: frozenset[str] = frozenset()
        self.body: bytes = b""  # buffering
        self.document: Any = None  # parsed JSON, numbers with a fraction as Decimal; None when there is none
        self.media: str = media_type(headers)  # type and subtype of the body, lower case; "" when not told
        self.flaw: str = ""  # why the body is no JSON document, although it says so
        self.entity: str = ""  # entity resolution
        self.idempotency_key: str = ""
        self.fingerprint: str = ""  # SHA-256 over method, path, query, body and declared headers

    def header(self, name: bytes) -> bytes | None:
        """Value of the first header `name` (lower case), or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Response:
    """A system's answer on its way back."""

    __slots__ = ("body", "document", "flaw", "headers", "media", "status")

    def __init__(self, status: int, headers: Headers, body: bytes, document: Any = None, flaw: str = "") -> None:
        self.status = status
        self.headers = headers
        self.media = media_type(headers)
        self.body = body
        self.document = document
        self.flaw = flaw  # why the body is no JSON document, although it says so
