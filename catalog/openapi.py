"""Reading an OpenAPI 3.0 or 3.1 document into operations with self-contained schemas.

What a gateway cannot check is named (`notes`) where the call can still be governed: bodies other than JSON pass by
their declared media type, parameters in a style of their own by their presence. The rest is refused (`problems`):
nothing is ignored in silence. Sources: OpenAPI 3.0.4 and 3.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from catalog.bundle import Direction
from catalog.canonical import Canonicals, resolve_local
from catalog.contract import Extension, Operation, Parameter
from catalog.errors import Invalid
from catalog.extension import extension_problems
from catalog.naming import METHODS, is_name, operation_names
from catalog.parameter import DEFAULT_STYLE, STYLES, extent
from catalog.pointer import join
from catalog.reader import MOST_HOPS, DocumentReader, Reading
from catalog.route import parameter_names, segments
from catalog.schema import DIALECT, Schema, Validators
from catalog.scope import read_scopes
from catalog.shape import shape
from catalog.walk import objects_in

_VERSION = re.compile(r"3\.[01]\.[0-9]+")
_DIALECTS = frozenset({DIALECT, "https://spec.openapis.org/oas/3.1/dialect/base"})
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|XX)|default")
_COMPONENT = re.compile(r"[A-Za-z0-9._-]+")
_MEDIA = re.compile(r"[a-z0-9!#$&^_.+*-]+/[a-z0-9!#$&^_.+*-]+")
#: header parameters that OpenAPI says to ignore: other parts of the document describe them (§4.8.12.1)
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})


def read_openapi(
    document: Any, canonicals: Canonicals, validators: Validators, file: str = "", is_own: bool = True
) -> Reading:
    """Operations of a document whose canonical references are pinned. Raises `Invalid` with all problems.

    Examples of a document that is not the workspace's own to mend need not be valid: they are noted.

    Every schema is compiled into `validators`, so that one that cannot be is found here and not at run time.
    """
    reader = _Reader(document, canonicals, validators, file, rule="openapi")
    reader.is_own = is_own
    reader.read()
    if reader.problems:
        raise Invalid("OpenAPI document refused", list(dict.fromkeys(reader.problems)))
    return Reading(tuple(reader.operations), tuple(dict.fromkeys(reader.notes)))


def is_json(media: str) -> bool:
    """Whether a media type, or a range such as `*/*`, is that of a JSON document (RFC 6839)."""
    subtype = media.split(";", 1)[0].strip().rpartition("/")[2]
    return subtype == "json" or subtype.endswith("+json") or subtype == "*"


class _Reader(DocumentReader):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.operations: list[Operation] = []
        self._places: dict[str, str] = {}  # operationId -> pointer
        self._names = operation_names(self._document)

    def _refuse_scope(self, message: str, pointer: str) -> None:
        self._refuse(message, pointer, "security lists {scheme: [scope, …]}, schemes stand in components")

    # ---- reading

    def read(self) -> None:
        version = self._document.get("openapi")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            self._refuse(
                "must be an OpenAPI 3.0 or 3.1 version",
                "/openapi",
                'such as 3.1.0 (a 2.0 document says swagger: "2.0")',
            )
            return
        if self._document.get("jsonSchemaDialect", DIALECT) not in _DIALECTS:
            self._refuse("only JSON Schema 2020-12 is known", "/jsonSchemaDialect", "remove it")
        if self._document.get("webhooks"):
            self._note("webhooks are not governed", "/webhooks")
        components, _ = self._object(self._document.get("components", {}), "/components")
        for name, _, pointer in self._members(components, "schemas", "/components"):
            if not _COMPONENT.fullmatch(name):
                self._refuse("not a component name", pointer, "use letters, digits, . _ -")
        if not self._validators.is_lazy:
            self._notes_on_schemas()
        paths = list(self._members(self._document, "paths", ""))
        if not paths:
            self._refuse("declares no path", "/paths", "add an operation")
        for template, item, pointer in paths:
            self._path(template, *self._object(item, pointer))
        self._finish()
        for operation in self.operations:
            place = self._places[operation.id]
            self.problems += extension_problems(operation, self.operations, self._file, join(place, "x-waybill"))

    def _notes_on_schemas(self) -> None:
        """Keywords that promise more than JSON Schema asserts."""
        for node, pointer in objects_in(self._document):
            if isinstance(node.get("contentEncoding"), str) or isinstance(node.get("contentMediaType"), str):
                self._note("encoded content is not checked", pointer)
            discriminator = node.get("discriminator")
            if (
                isinstance(discriminator, dict)
                and "propertyName" in discriminator
                and not {"oneOf", "anyOf"} & set(node)
            ):
                self._note("a discriminator without oneOf or anyOf chooses nothing", pointer)

    def _path(self, template: str, item: dict[str, Any], pointer: str) -> None:
        if segments(template) is None:
            self._refuse(
                f"{template!r} cannot be routed",
                pointer,
                "segments are plain characters and {parameters}, two of them never without text between",
            )
        if len(set(parameter_names(template))) != len(parameter_names(template)):
            self._refuse("a path parameter occurs twice", pointer, "rename one")
        if "trace" in item:
            self._refuse("TRACE is not governed", join(pointer, "trace"), "remove it")
        self._note_servers(item, pointer)
        shared = self._parameters(item, pointer)
        for method in METHODS:
            if method in item:
                operation, place = self._object(item[method], join(pointer, method))
                self._operation(template, method.upper(), operation, place, shared)

    def _operation(
        self, template: str, method: str, item: dict[str, Any], pointer: str, shared: dict[tuple[str, str], Parameter]
    ) -> None:
        name = self._name(template, method, item, pointer)
        self._note_servers(item, pointer)
        if item.get("callbacks"):
            self._note("callbacks are not governed", join(pointer, "callbacks"))
        extension = Extension()
        if "x-waybill" in item:
            told, wrong = shape(item["x-waybill"], Extension, self._file, join(pointer, "x-waybill"))
            self.problems += wrong
            extension = told or extension
        parameters = {**shared, **self._parameters(item, pointer)}
        self._check_path(template, parameters, pointer)
        request, is_required = self._request(item, pointer)
        self.operations.append(
            Operation(
                id=name,
                method=method,
                path=template,
                extension=extension,
                parameters=tuple(parameters.values()),
                request_schemas=request,
                request_required=is_required,
                response_schemas=self._responses(item, pointer),
                scopes=read_scopes(self._document, item, pointer, self._refuse_scope, self._note),
                summary=str(item.get("summary") or ""),
            )
        )

    def _note_servers(self, item: dict[str, Any], pointer: str) -> None:
        if item.get("servers"):
            self._note("servers of its own are not followed: calls go to the bound system", join(pointer, "servers"))

    def _name(self, template: str, method: str, item: dict[str, Any], pointer: str) -> str:
        """The operation's name, unique in the document."""
        name = self._names.get((template, method.lower()), f"{method} {template}")
        if name in self._places:
            place = join(pointer, "operationId")
            remedy = "give each operation one of its own"
            self._refuse(f"operationId {name!r} is used twice", place, remedy, "operation-id-unique")
            name = f"{method} {template}"
        elif not is_name(item.get("operationId")):
            why = "has no operationId" if item.get("operationId") is None else "has an operationId that is no name"
            self._note(f"{method} {template} {why}: it is known as {name}", pointer, "operation-named")
        self._places[name] = pointer
        return name

    def _check_path(self, template: str, parameters: dict[tuple[str, str], Parameter], pointer: str) -> None:
        declared = {parameter.name for parameter in parameters.values() if parameter.place == "path"}
        for name in sorted(declared ^ set(parameter_names(template))):
            what = "is not in the path" if name in declared else "is not declared"
            remedy = "remove it" if name in declared else f"add {{name: {name}, in: path, required: true, schema: …}}"
            self._refuse(f"path parameter {name!r} {what}", join(pointer, "parameters"), remedy)

    def _parameters(self, parent: dict[str, Any], pointer: str) -> dict[tuple[str, str], Parameter]:
        """Parameters of a path item or operation by (place, name)."""
        items = parent.get("parameters", [])
        if not isinstance(items, list):
            self._refuse("must be an array", join(pointer, "parameters"), "write a list")
            return {}
        found: dict[tuple[str, str], Parameter] = {}
        for index, item in enumerate(items):
            node, place = self._object(item, join(pointer, "parameters", index))
            parameter = self._parameter(node, place) if node else None
            if parameter is None:
                continue
            key = (parameter.place, parameter.name.lower() if parameter.place == "header" else parameter.name)
            if key in found:
                self._refuse(f"{parameter.place} parameter {parameter.name!r} is declared twice", place, "remove one")
            found[key] = parameter
        return found

    def _parameter(self, node: dict[str, Any], pointer: str) -> Parameter | None:
        name = node.get("name")
        where = next((place for place in DEFAULT_STYLE if place == node.get("in")), None)
        if not isinstance(name, str) or not name or where is None:
            self._refuse("not a parameter", pointer, "it needs name, and in: path, query, header or cookie")
            return None
        if where == "header" and name.lower() in _IGNORED_HEADERS:
            self._note(f"header parameter {name} is ignored, as OpenAPI says", pointer)
            return None
        style = node.get("style", DEFAULT_STYLE[where])
        if style not in STYLES[where]:
            remedy = f"known are {', '.join(STYLES[where])}"
            self._refuse(f"{style!r} is no style of a {where} parameter", join(pointer, "style"), remedy)
            return None
        if where == "path" and node.get("required") is not True:
            self._refuse("a path parameter must say required: true", pointer, "add required: true")
        schema = self._schema(node.get("schema", True), join(pointer, "schema"), "request")
        is_exploded = node.get("explode", style == "form") is True
        check, why = extent(node, where, style, is_exploded, _is_object(schema))
        if why:
            self._note(why, pointer)
        return Parameter(
            name=name,
            place=where,
            required=node.get("required") is True,
            schema=schema if check == "value" else True,
            style=style,
            explode=is_exploded,
            check=check,
        )

    def _request(self, item: dict[str, Any], pointer: str) -> tuple[dict[str, Schema], bool]:
        if "requestBody" not in item:
            return {}, False
        body, place = self._object(item["requestBody"], join(pointer, "requestBody"))
        content = self._content(body, place, "request")
        if not body.get("content"):
            self._refuse("a request body needs content", place, "declare its media types")
        return content, body.get("required") is True

    def _responses(self, item: dict[str, Any], pointer: str) -> dict[str, dict[str, Schema]]:
        found: dict[str, dict[str, Schema]] = {}
        for status, response, where in self._members(item, "responses", pointer):
            code = status if status == "default" else status.upper()
            if not _STATUS.fullmatch(code):
                self._refuse(f"{status!r} is no status", where, "such as 200, 4XX or default")
                continue
            node, place = self._object(response, where)
            found[code] = self._content(node, place, "response")
            for name, _, header in self._members(node, "headers", place):
                self._note(f"response header {name} is not checked", header)
        if not any(code[0] in "23d" for code in found):
            self._refuse("declares no successful response", join(pointer, "responses"), "add 200, 2XX or default")
        return found

    def _content(self, parent: dict[str, Any], pointer: str, direction: Direction) -> dict[str, Schema]:
        """Media types with their schemas; True where the media type is all that is checked.

        Of a request that may come as JSON, another type with a schema is left out, and so not allowed: it would be a
        way around what is checked.
        """
        found: dict[str, Schema] = {}
        unchecked: list[tuple[str, str]] = []
        for name, node, place in self._media(parent, pointer):
            schema = node.get("schema", True)
            if is_json(name):
                found[name] = self._json(node, schema, place, direction)
                if name.endswith("*"):
                    self._note(f"{name}: only a body of JSON is checked", place)
            elif _says_something(schema):
                unchecked.append((name, join(place, "schema")))
            else:
                found[name] = True
        has_json = any(is_json(name) for name in found)
        for name, place in unchecked:
            if has_json and direction == "request":
                self._note(f"{name} is not allowed: beside JSON it would be a way around what is checked", place)
            else:
                found[name] = True
                self._note(f"{name} is not checked against its schema, only that it is {name}", place)
        return found

    def _media(self, parent: dict[str, Any], pointer: str) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Each media type, its parameters left out, with its entry. Entries that differ in parameters alone become
        one: nothing tells them apart but the body."""
        found: dict[str, tuple[dict[str, Any], str]] = {}
        for media, entry, where in self._members(parent, "content", pointer):
            name = media.split(";", 1)[0].strip().lower()
            node, place = self._object(entry, where)
            known = found.get(name)
            if not _MEDIA.fullmatch(name):
                self._refuse(f"{media!r} is not a media type", where, "such as application/json")
            elif known is None:
                found[name] = (node, place)
            elif (one := known[0].get("schema", True)) != (other := node.get("schema", True)):
                self._note(f"{name} is declared more than once: either schema will do", where)
                found[name] = ({**known[0], "schema": {"anyOf": [one, other]}}, known[1])
        for name, (node, place) in found.items():
            yield name, node, place

    def _json(self, node: dict[str, Any], schema: Any, pointer: str, direction: Direction) -> Schema:
        if schema is True or schema == {}:
            self._note("a JSON body without a schema", pointer)
        bundled = self._schema(schema, join(pointer, "schema"), direction)
        if not self._validators.is_lazy:
            self._examples(node, pointer, bundled)
        return bundled

    def _examples(self, node: dict[str, Any], pointer: str, schema: Schema) -> None:
        """Examples of a media type must be valid: they are what readers copy."""
        if "example" in node:
            self._example_values.append((schema, node["example"], join(pointer, "example")))
        for _, example, where in self._members(node, "examples", pointer):
            item, place = self._object(example, where)
            if "value" in item:
                self._example_values.append((schema, item["value"], join(place, "value")))


def _says_something(schema: Any) -> bool:
    """Whether a schema asks more of a body than to be bytes."""
    return isinstance(schema, dict) and not schema.keys() <= {"type", "format", "description", "title"}


def _is_object(schema: Schema) -> bool:
    """Whether a bundled schema takes nothing but objects, as far as `type` and `$ref` tell."""
    node: Any = schema
    for _ in range(MOST_HOPS):
        if not isinstance(node, dict):
            return False
        if "type" in node or "properties" in node:
            return bool(node.get("type", "object") == "object")
        ref = node.get("$ref")
        node = resolve_local(schema, ref) if isinstance(ref, str) and ref.startswith("#/") else None
    return False
