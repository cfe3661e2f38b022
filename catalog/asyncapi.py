"""Reading an AsyncAPI 3 document into the operations by which publishers post events to the gateway.

An operation with `action: receive` becomes `POST <channel address>`, whose body is a CloudEvent; the payload of a
message is the schema of its `data`, the message's `name` (else its key) the `type`. What a gateway cannot check is
named (`notes`), the rest is refused (`problems`). Sources: AsyncAPI 3.0.0, CloudEvents 1.0.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from catalog.canonical import Canonicals
from catalog.contract import Extension, Operation, Parameter
from catalog.errors import Invalid
from catalog.extension import extension_problems
from catalog.message import ACCEPTED, DOCUMENTED, MessageReader, ref_tokens
from catalog.naming import is_name
from catalog.pointer import join, parse
from catalog.reader import Reading
from catalog.route import parameter_names, segments
from catalog.schema import Validators
from catalog.shape import shape
from catalog.walk import objects_in

_VERSION = re.compile(r"3\.[01]\.[0-9]+")
_ROOT = frozenset({"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"})
_CHANNEL = DOCUMENTED | {"address", "messages", "servers", "parameters"}
_OPERATION = DOCUMENTED | {"action", "channel", "security", "traits", "messages", "reply"}
_PARAMETER = frozenset({"enum", "default", "description", "examples", "location"})
#: keywords of draft-07, which AsyncAPI builds on, that mean nothing in 2020-12
_OLD_KEYWORDS = {"dependencies": "dependentRequired or dependentSchemas", "additionalItems": "items beside prefixItems"}


class Outline(NamedTuple):
    """An operation as far as it is known without compiling anything."""

    id: str
    path: str
    object: str | None
    events: tuple[str, ...]


def is_asyncapi(document: dict[str, Any]) -> bool:
    return "asyncapi" in document


def read_asyncapi(document: Any, canonicals: Canonicals, validators: Validators, file: str = "") -> Reading:
    """Operations of a document whose canonical references are pinned. Raises `Invalid` with all problems."""
    reader = _Reader(document, canonicals, validators, file, rule="asyncapi")
    reader.read()
    if reader.problems:
        raise Invalid("AsyncAPI document refused", list(dict.fromkeys(reader.problems)))
    return Reading(tuple(reader.operations), tuple(dict.fromkeys(reader.notes)))


def outline(document: dict[str, Any]) -> Iterator[Outline]:
    """The operations of a published document, by id."""
    reader = _Reader(document, {}, Validators(), "", rule="asyncapi")
    yield from sorted(reader.outline())


class _Reader(MessageReader):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.operations: list[Operation] = []

    # ---- the document

    def read(self) -> None:
        version = self._document.get("asyncapi")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            self._refuse("must be an AsyncAPI 3 version", "/asyncapi", "such as 3.0.0; convert a 2.x document first")
            return
        self._only(self._document, _ROOT, "")
        info, place = self._object(self._document.get("info", {}), "/info")
        for name in ("title", "version"):
            if not isinstance(info.get(name), str):
                self._refuse(f"needs {name}", place, f"add {name}: text")
        self._schema_dialects()
        for name, item, pointer in self._members(self._document, "operations", ""):
            self._operation(name, *self._object(item, pointer))
        self._finish()
        if not self.operations and not self.problems:
            self._refuse("takes no event in", "/operations", "add an operation with action: receive")

    def outline(self) -> Iterator[Outline]:
        for name, item, pointer in self._members(self._document, "operations", ""):
            operation, place = self._object(item, pointer)
            channel, _ = self._object(operation.get("channel"), join(place, "channel"))
            if operation.get("action") != "receive" or not self._is_http(channel, place):
                continue
            found = [self._name_and_event(*each) for each in self._message_nodes(operation, place, channel)]
            told = operation.get("x-waybill", {})
            events = tuple(told.get("event") or event for _, event in found)
            yield Outline(name, str(channel.get("address")), told.get("object"), events)

    def _schema_dialects(self) -> None:
        """Keywords and references that would ask nothing of a message."""
        for node, pointer in objects_in(self._document):
            if parse(pointer)[-1:] == ("properties",):
                continue
            for name, instead in _OLD_KEYWORDS.items():
                if name in node:
                    self._note(f"{name} is not enforced: write {instead}", join(pointer, name))
            is_inner = parse(pointer)[-1:] not in (("payload",), ("headers",))
            is_schema = is_inner and ref_tokens(node)[:2] == ("components", "schemas")
            if is_schema and "schemaFormat" in self._object(node, pointer)[0]:
                remedy = "only a payload or headers may refer to it; write a plain schema"
                self._refuse("leads to a schema with a format of its own", join(pointer, "$ref"), remedy)
            if isinstance(node.get("discriminator"), str):
                self._note("a discriminator chooses nothing: write const", join(pointer, "discriminator"))

    # ---- operations

    def _operation(self, name: str, item: dict[str, Any], pointer: str) -> None:
        self._only(item, _OPERATION, pointer)
        if not is_name(name):
            self._refuse("not a name of an operation", pointer, "use letters, digits, . _ -")
        action = item.get("action")
        if action not in ("send", "receive"):
            self._refuse("must be send or receive", join(pointer, "action"), "receive: events come in here")
        found = self._channel(item, pointer)
        if action == "send":
            self._note(f"{name}: sending is not governed", pointer)
        elif found is not None and not self._is_http(*found):
            self._note(f"{name}: its channel is not over HTTP and is not governed", pointer)
        elif found is not None and action == "receive":
            self._receive(name, self._with_traits(item, pointer), pointer, *found)

    def _receive(self, name: str, item: dict[str, Any], pointer: str, channel: dict[str, Any], place: str) -> None:
        if "reply" in item:
            self._note(f"{name}: the gateway answers 202, a reply is not governed", join(pointer, "reply"))
        self._bindings(item, pointer)
        self._bindings(channel, place)
        address = self._address(channel, place)
        extension, wrong = shape(item.get("x-waybill", {}), Extension, self._file, join(pointer, "x-waybill"))
        self.problems += wrong
        extension = extension or Extension()
        messages = self._messages(item, pointer, channel, extension)
        operation = Operation(
            id=name,
            method="POST",
            path=address,
            extension=replace(extension, occurred_at=extension.occurred_at or "$request.body#/time"),
            parameters=tuple(self._parameters(channel, place, address)),
            request_schemas=self._event_schemas(messages),
            request_required=True,
            response_schemas={"202": {"application/json": ACCEPTED}, "default": {"application/problem+json": True}},
            scopes=self._scopes(item, pointer),
            summary=str(item.get("summary") or item.get("title") or ""),
            messages={type_: message.event for type_, message in messages.items()},
        )
        self.operations.append(operation)
        if messages:
            where = join(pointer, "x-waybill")
            self.problems += extension_problems(operation, [operation], self._file, where)

    def _scopes(self, item: dict[str, Any], pointer: str) -> tuple[tuple[str, ...], ...]:
        """Alternatives of scopes: each security scheme names its own."""
        schemes = item.get("security", [])
        if not isinstance(schemes, list):
            self._refuse("must be an array", join(pointer, "security"), "write a list of security schemes")
            return ()
        found = set()
        for index, scheme in enumerate(schemes):
            node, place = self._object(scheme, join(pointer, "security", index))
            scopes = node.get("scopes", [])
            if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
                self._refuse("must be an array of scopes", join(place, "scopes"), "such as [publish]")
            elif scopes:
                found.add(tuple(sorted(set(scopes))))
        return tuple(sorted(found))

    # ---- channels

    def _channel(self, item: dict[str, Any], pointer: str) -> tuple[dict[str, Any], str] | None:
        tokens = ref_tokens(item.get("channel"))
        if len(tokens) != 2 or tokens[0] != "channels":
            self._refuse("must refer to a channel of the document", join(pointer, "channel"), "{$ref: '#/channels/…'}")
            return None
        before = len(self.problems)
        channel, place = self._object(item["channel"], join(pointer, "channel"))
        self._only(channel, _CHANNEL, place)
        return None if len(self.problems) > before else (channel, place)

    def _is_http(self, channel: dict[str, Any], pointer: str) -> bool:
        """Whether one of the channel's servers, or of the document's when it names none, speaks HTTP."""
        listed = channel.get("servers")
        if isinstance(listed, list) and listed:
            servers = [self._object(node, join(pointer, "servers", index))[0] for index, node in enumerate(listed)]
        else:
            servers = [self._object(node, place)[0] for _, node, place in self._members(self._document, "servers", "")]
        return not servers or any(server.get("protocol") in ("http", "https") for server in servers)

    def _address(self, channel: dict[str, Any], pointer: str) -> str:
        address = channel.get("address")
        if not isinstance(address, str) or segments(address) is None:
            remedy = "a path below the contract's base_path, such as /invoice-events"
            self._refuse("must be an address that can be routed", join(pointer, "address"), remedy)
            return "/"
        return address

    def _parameters(self, channel: dict[str, Any], pointer: str, address: str) -> Iterator[Parameter]:
        declared = {}
        for name, item, place in self._members(channel, "parameters", pointer):
            node, where = self._object(item, place)
            self._only(node, _PARAMETER, where)
            if "location" in node:
                self._note(f"parameter {name}: that it agrees with the message is not checked", where)
            declared[name] = node.get("enum")
        for name in sorted(declared.keys() ^ set(parameter_names(address))):
            what = "is not in the address" if name in declared else "is not declared"
            self._refuse(f"parameter {name!r} {what}", join(pointer, "parameters"), "make both agree")
        for name, values in declared.items():
            schema: dict[str, Any] = {"type": "string"} if values is None else {"type": "string", "enum": values}
            if self._schema(schema, join(pointer, "parameters", name), "request") is not True:
                yield Parameter(name, "path", True, schema, "simple", False)
