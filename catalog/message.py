"""Reading the messages of an AsyncAPI 3 document: what each asks of a CloudEvent that comes in.

A message's `name` (else its key) is the event's `type`, its payload the schema of `data`, its `headers` what is asked
of the event's attributes. Sources: AsyncAPI 3.0.0 (Message Object), CloudEvents 1.0.2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from catalog.canonical import resolve_local
from catalog.cloudevent import STRUCTURED, asked_of, event_schema, is_attribute_name
from catalog.contract import Extension
from catalog.errors import Invalid
from catalog.openapi import is_json
from catalog.pointer import join, parse
from catalog.reader import DocumentReader
from catalog.schema import Schema
from catalog.shape import shape

DOCUMENTED = frozenset({"title", "summary", "description", "tags", "externalDocs", "bindings"})
_MESSAGE = DOCUMENTED | {"headers", "payload", "correlationId", "contentType", "name", "examples", "traits"}

_FORMAT = re.compile(
    r"application/(vnd\.aai\.asyncapi(\+json|\+yaml)?; *version=3[0-9.]*"
    r"|schema\+(json|yaml); *version=draft-(07|2019-09|2020-12))"
)


#: what the gateway answers once an event is on disk
ACCEPTED: dict[str, Any] = {
    "type": "object",
    "required": ["exchange_id", "stream"],
    "properties": {"exchange_id": {"type": "string"}, "stream": {"type": "string"}},
}


class MessageExtension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `x-waybill` member of a message."""

    event: str | None = None  # the business event that it tells; default: its type


class Message(NamedTuple):
    event: str
    media: str
    asked: dict[str, Any]  # of the event, when it is of this type
    definitions: dict[str, Any]


class MessageReader(DocumentReader):
    """The part of a reading that is about messages."""

    def _only(self, node: dict[str, Any], known: Collection[str], pointer: str) -> None:
        for name in node:
            if name not in known and not name.startswith("x-") and name != "$ref":
                self._refuse(f"unknown field {name!r}", join(pointer, name), f"known are {', '.join(sorted(known))}")

    def _with_traits(self, item: dict[str, Any], pointer: str) -> dict[str, Any]:
        """`item` with what its traits add; what it says itself stands (§ Traits Merge Mechanism)."""
        traits = item.get("traits", [])
        if not isinstance(traits, list):
            self._refuse("must be an array", join(pointer, "traits"), "write a list")
            return item
        laid: dict[str, Any] = {}
        for index, trait in enumerate(traits):
            laid = merged(laid, self._object(trait, join(pointer, "traits", index))[0])
        return merged(laid, item)

    def _bindings(self, item: dict[str, Any], pointer: str) -> None:
        node, place = self._object(item.get("bindings", {}), join(pointer, "bindings"))
        for name, binding in node.items():
            http = binding if name == "http" and isinstance(binding, dict) else {}
            if http.get("method", "POST") != "POST":
                self._refuse("events are posted", join(place, "http", "method"), "write POST")
            if set(http) - {"method", "bindingVersion"} or name != "http":
                self._note(f"binding {name} is not enforced", join(place, name))

    def _message_nodes(
        self, item: dict[str, Any], pointer: str, channel: dict[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Key, message (its traits laid in) and pointer of those that an operation takes: all of its channel unless it
        lists them."""
        channel_at = ref_tokens(item["channel"])
        listed = item.get("messages")
        if listed is None:
            for key, node, place in self._members(channel, "messages", join("", *channel_at)):
                message, where = self._object(node, place)
                yield key, self._with_traits(message, where), where
            return
        if not isinstance(listed, list):
            self._refuse("must be an array", join(pointer, "messages"), "write a list of references")
            return
        for index, node in enumerate(listed):
            tokens = ref_tokens(node)
            if tokens[:-1] != (*channel_at, "messages"):
                remedy = f"{{$ref: '#{join('', *channel_at)}/messages/…'}}"
                self._refuse(
                    "must refer to a message of the operation's channel", join(pointer, "messages", index), remedy
                )
                continue
            message, where = self._object(node, join(pointer, "messages", index))
            yield tokens[-1], self._with_traits(message, where), where

    def _name_and_event(self, key: str, node: dict[str, Any], pointer: str) -> tuple[str, str]:
        """The type of a message and the business event that it tells."""
        name = node.get("name", key)
        if not isinstance(name, str) or not name.strip():
            self._refuse("must be text", join(pointer, "name"), "the CloudEvents type")
            return key, key
        extension, wrong = shape(node.get("x-waybill", {}), MessageExtension, self._file, join(pointer, "x-waybill"))
        self.problems += wrong
        return name, (extension and extension.event) or name

    def _messages(
        self, item: dict[str, Any], pointer: str, channel: dict[str, Any], extension: Extension
    ) -> dict[str, Message]:
        found: dict[str, Message] = {}
        nodes = list(self._message_nodes(item, pointer, channel))
        if not nodes:
            self._refuse("takes no message", pointer, "declare messages at its channel")
        if extension.event and len(nodes) > 1:
            place = join(pointer, "x-waybill", "event")
            self._refuse("there are several messages", place, "write x-waybill: {event: …} at each message")
        for key, node, place in nodes:
            type_, event = self._name_and_event(key, node, place)
            if type_ in found:
                self._refuse(f"type {type_!r} is taken", place, "give each message a name of its own")
            found[type_] = self._message(extension.event or event, node, place)
            self._examples(type_, found[type_], node, place)
        return found

    def _message(self, event: str, node: dict[str, Any], pointer: str) -> Message:
        self._only(node, _MESSAGE, pointer)
        if "correlationId" in node:
            self._note("correlation ids are not followed: x-waybill.links do that", join(pointer, "correlationId"))
        self._bindings(node, pointer)
        media = node.get("contentType", self._document.get("defaultContentType", "application/json"))
        if not isinstance(media, str) or not is_json(media) or media.startswith("application/cloudevents"):
            remedy = "such as application/json: that of data, whichever mode the event comes in"
            self._refuse("must be the media type of JSON data", join(pointer, "contentType"), remedy)
            media = "application/json"
        if "payload" not in node:
            self._note("a message without payload: its data is not checked", pointer)
        payload, definitions = self._part(node.get("payload", True), join(pointer, "payload"))
        attributes, required, more = self._attributes(node, pointer)
        plain = media.split(";", 1)[0].strip().lower()
        return Message(event, plain, asked_of(payload, attributes, required), {**definitions, **more})

    def _part(self, schema: Any, pointer: str) -> tuple[Schema, dict[str, Any]]:
        """A schema of the document, compiled, and the definitions that it leans on."""
        target = schema
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and schema["$ref"].startswith("#/"):
            target = resolve_local(self._document, unquote(schema["$ref"]))
        if isinstance(target, dict) and "schemaFormat" in target:
            if not _FORMAT.fullmatch(str(target["schemaFormat"])):
                remedy = "write a JSON Schema"
                self._refuse("data of this format cannot be checked", join(pointer, "schemaFormat"), remedy)
                return True, {}
            schema, pointer = target.get("schema", True), join(pointer, "schema")
        bundled = self._schema(
            schema, pointer, "response"
        )  # it tells what is: what only a request may leave out is there
        if not isinstance(bundled, dict):
            return bundled, {}
        return {name: value for name, value in bundled.items() if name != "$defs"}, bundled.get("$defs", {})

    def _attributes(self, node: dict[str, Any], pointer: str) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
        """What `headers` asks of the event's attributes: their schemas, the required ones, definitions."""
        if "headers" not in node:
            return {}, [], {}
        headers, place = self._object(node["headers"], join(pointer, "headers"))
        for name in sorted(headers.keys() - {"type", "properties", "required", "description", "title"}):
            self._note(f"headers: {name} is not enforced", join(place, name))
        attributes: dict[str, Any] = {}
        definitions: dict[str, Any] = {}
        for name, schema, where in self._members(headers, "properties", place):
            if not is_attribute_name(name):
                remedy = "headers describe attributes of the event: lower-case letters and digits, without ce-"
                self._refuse(f"{name!r} is no attribute of a CloudEvent", where, remedy)
                continue
            attributes[name], more = self._part(schema, where)
            definitions |= more
        required = headers.get("required", [])
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            self._refuse("must be an array of names", join(place, "required"), "such as [subject]")
            required = []
        return attributes, required, definitions

    def _event_schemas(self, messages: dict[str, Message]) -> dict[str, Schema]:
        """The same schema for structured and for binary mode: it is asked of the one document that both become."""
        definitions: dict[str, Any] = {}
        for message in messages.values():
            definitions |= message.definitions
        schema = event_schema({type_: message.asked for type_, message in messages.items()}, definitions)
        if not self.problems:
            self._validators.handle(schema)
            self._validators.handle(ACCEPTED)
        return {STRUCTURED: schema, **{message.media: schema for message in messages.values()}}

    def _examples(self, type_: str, message: Message, node: dict[str, Any], pointer: str) -> None:
        """Examples must be valid: they are what readers copy."""
        examples = node.get("examples", [])
        if not isinstance(examples, list) or not all(isinstance(example, dict) for example in examples):
            self._refuse("must be an array of objects", join(pointer, "examples"), "write [{payload: …}]")
            return
        if self.problems or not examples or self._validators.is_lazy:
            return
        handle = self._validators.handle(event_schema({type_: message.asked}, message.definitions))
        for index, example in enumerate(examples):
            place = join(pointer, "examples", index)
            headers = example.get("headers") if isinstance(example.get("headers"), dict) else {}
            event = {"specversion": "1.0", "id": "1", "source": "/", "type": type_, **headers}
            event |= {"data": example["payload"]} if "payload" in example else {}
            for violation in self._validators.validate(handle, event):
                head, *rest = parse(violation.pointer) or ("",)
                where = join(place, "payload", *rest) if head == "data" else join(place, "headers", head, *rest)
                self._refuse(f"example {violation.message}", where, "mend it or the schema", "example")


def ref_tokens(node: Any) -> tuple[str, ...]:
    """The tokens of a Reference Object that leads into the document; () for anything else."""
    ref = node.get("$ref") if isinstance(node, dict) else None
    try:
        return parse(unquote(ref)[1:]) if isinstance(ref, str) and ref.startswith("#/") else ()
    except Invalid:
        return ()


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`, object by object."""
    result = dict(base)
    for name, value in over.items():
        known = result.get(name)
        both = isinstance(known, dict) and isinstance(value, dict)
        result[name] = merged(known, value) if both else value  # type: ignore[arg-type]
    return result
