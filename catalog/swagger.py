"""OpenAPI 2.0 (Swagger) lifted to OpenAPI 3.0 in memory, so that one reader does for all.

The file stays what it is; places in the lifted document are told as places in the file by `source_place`.
Sources: OpenAPI 2.0 and 3.0.3.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from catalog.canonical import resolve_local
from catalog.pointer import join, parse
from catalog.snapshot import sha256_hex
from catalog.walk import objects_in

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_JSON = ["application/json"]
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_REFS = {
    "#/definitions/": "#/components/schemas/",
    "#/parameters/": "#/components/parameters/",
    "#/responses/": "#/components/responses/",
}
_INTO_PATHS = "#/paths/"
_SCHEMA_KEYS = frozenset(
    {
        *("type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "enum", "multipleOf"),
        *("x-nullable", "title"),
    }
)
_STYLES = {"csv": ("form", False), "multi": ("form", True), "ssv": ("spaceDelimited", False),
           "pipes": ("pipeDelimited", False)}  # fmt: skip
_FLOWS = {"accessCode": "authorizationCode", "application": "clientCredentials"}


def is_swagger(document: Any) -> bool:
    return isinstance(document, dict) and document.get("swagger") == "2.0"


def lift(document: dict[str, Any]) -> dict[str, Any]:
    """The same API as OpenAPI 3.0. What is wrong in the document stays wrong, for the reader to tell."""
    return _Lifter(document).lifted()


def source_place(pointer: str) -> str:
    """Where in the 2.0 document stands what is at `pointer` in the lifted one, as near as can be told."""
    tokens = list(parse(pointer))
    if tokens[:1] == ["components"] and len(tokens) > 1:
        named = {"schemas": "definitions", "securitySchemes": "securityDefinitions"}
        tokens = [named.get(tokens[1], tokens[1]), *tokens[2:]]
    if "requestBody" in tokens:
        tokens = [*tokens[: tokens.index("requestBody")], "parameters"]
    if "content" in tokens:
        at = tokens.index("content")
        tokens = tokens[:at] + tokens[at + 2 :]
    if tokens[-1:] == ["schema"] and "parameters" in tokens:
        tokens.pop()
    return join("", *tokens)


class _Lifter:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._consumes = _names(document.get("consumes"), _JSON)
        self._produces = _names(document.get("produces"), _JSON)

    def lifted(self) -> dict[str, Any]:
        source = self._document
        kept = {name: value for name, value in source.items() if name in ("info", "tags", "security", "externalDocs")}
        extensions = {name: value for name, value in source.items() if name.startswith("x-")}
        components = {
            "schemas": self._schemas(),
            "parameters": {
                name: self._parameter(item) for name, item in _items(source.get("parameters")) if not _is_body(item)
            },
            "responses": _each(source.get("responses"), lambda item: self._response(item, self._produces)),
            "securitySchemes": _each(source.get("securityDefinitions"), _security),
        }
        paths = source.get("paths")
        return {
            "openapi": "3.0.3",
            **kept,
            **extensions,
            "servers": [{"url": f"{source.get('host', '')}{source.get('basePath', '')}"}],
            "paths": {template: self._path(template, item) for template, item in paths.items()}
            if isinstance(paths, dict)
            else paths,
            "components": {name: value for name, value in components.items() if value != {}},
        }

    def _schemas(self) -> Any:
        """Definitions, and schemas of operations that others refer to, under names of their own."""
        found = _each(self._document.get("definitions"), _schema)
        if not isinstance(found, dict):
            return found
        for node, _ in objects_in(self._document.get("paths")):
            ref = node.get("$ref")
            if isinstance(ref, str) and ref.startswith(_INTO_PATHS):
                target = resolve_local(self._document, unquote(ref))
                found |= {_name_of(ref): _schema(target)} if target is not None else {}
        return found

    def _path(self, template: str, item: Any) -> Any:
        if not isinstance(item, dict) or template.startswith("x-"):
            return item
        shared = item.get("parameters", [])
        out = {name: value for name, value in item.items() if name not in METHODS and name != "parameters"}
        if isinstance(shared, list):
            out["parameters"] = [self._parameter(each) for each in shared if not self._is_body(each)]
        shared = [each for each in shared if self._is_body(each)] if isinstance(shared, list) else []
        for method in METHODS:
            if method in item:
                out[method] = self._operation(item[method], shared)
        return out

    def _operation(self, item: Any, shared: list[Any]) -> Any:
        if not isinstance(item, dict):
            return item
        moved = ("parameters", "consumes", "produces", "schemes", "responses")
        out = {name: value for name, value in item.items() if name not in moved}
        given = item.get("parameters", [])
        if not isinstance(given, list):
            return {**out, "parameters": given}
        own = [each for each in given if self._is_body(each)]
        body = self._body([*own, *(each for each in shared if not own)], _names(item.get("consumes"), self._consumes))
        if body:
            out["requestBody"] = body
        out["parameters"] = [self._parameter(each) for each in given if not self._is_body(each)]
        produces = _names(item.get("produces"), self._produces)
        out["responses"] = _each(item.get("responses"), lambda each: self._response(each, produces))
        return out

    def _followed(self, item: Any) -> Any:
        """A parameter, by name where it is shared."""
        ref = item.get("$ref") if isinstance(item, dict) else None
        if isinstance(ref, str) and ref.startswith("#/parameters/"):
            known = self._document.get("parameters")
            return known.get(parse(ref[1:])[1], item) if isinstance(known, dict) else item
        return item

    def _is_body(self, item: Any) -> bool:
        return _is_body(self._followed(item))

    def _body(self, parts: list[Any], consumes: list[str]) -> dict[str, Any] | None:
        """The request body of a body parameter, or of form fields."""
        found = [self._followed(each) for each in parts]
        if not found:
            return None
        whole = next((each for each in found if each.get("in") == "body"), None)
        if whole is not None:
            schema = _schema(whole.get("schema", {}))
            described = {"description": whole["description"]} if "description" in whole else {}
            content = {media: {"schema": schema} for media in consumes}
            return {**described, "required": whole.get("required") is True, "content": content}
        has_file = any(each.get("type") == "file" for each in found)
        media = [each for each in consumes if each in (_FORM, _MULTIPART)]
        form = {
            "type": "object",
            "properties": {str(each.get("name")): _value(each) for each in found},
            "required": [each.get("name") for each in found if each.get("required") is True],
        }
        if not form["required"]:
            del form["required"]
        content = {each: {"schema": form} for each in media or [_MULTIPART if has_file else _FORM]}
        return {"required": "required" in form, "content": content}

    def _parameter(self, item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        if isinstance(item.get("$ref"), str):
            return {"$ref": _ref(item["$ref"])}
        keep = ("name", "in", "description", "required", "allowEmptyValue")
        out = {name: value for name, value in item.items() if name in keep or (
            name.startswith("x-") and name != "x-nullable")}  # fmt: skip
        out["schema"] = _value(item)
        if item.get("type") == "array":
            style, is_exploded = _STYLES.get(item.get("collectionFormat", "csv"), (None, False))
            if style is None:  # tsv: no style of OpenAPI 3 says it, so that only its presence is checked
                out["schema"] = {"type": "string"}
            elif item.get("in") == "query":
                out |= {"style": style, "explode": is_exploded}
            else:
                out |= {"style": "simple"}
        return out

    def _response(self, item: Any, produces: list[str]) -> Any:
        if not isinstance(item, dict):
            return item
        if isinstance(item.get("$ref"), str):
            return {"$ref": _ref(item["$ref"])}
        out = {name: value for name, value in item.items() if name not in ("schema", "examples", "headers")}
        if "headers" in item:
            out["headers"] = _each(item["headers"], lambda header: {"schema": _value(header)})
        given = item.get("examples")
        examples: dict[str, Any] = given if isinstance(given, dict) else {}
        if "schema" in item:
            is_file = isinstance(item["schema"], dict) and item["schema"].get("type") == "file"
            media = [each for each in produces if not is_file or "json" not in each] or ["application/octet-stream"]
            out["content"] = {
                each: {"schema": _schema(item["schema"])} | ({"example": examples[each]} if each in examples else {})
                for each in media
            }
        return out


def _is_body(item: Any) -> bool:
    return isinstance(item, dict) and item.get("in") in ("body", "formData")


def _value(item: Any) -> Any:
    """The schema of a parameter, header or form field."""
    if not isinstance(item, dict):
        return item
    return _schema({name: value for name, value in item.items() if name in _SCHEMA_KEYS})


def _schema(node: Any) -> Any:
    """A schema as OpenAPI 3.0 says it."""
    if isinstance(node, list):
        return [_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": _ref(node["$ref"])}
    out: dict[str, Any] = {}
    for name, value in node.items():
        if name in ("properties", "patternProperties") and isinstance(value, dict):
            out[name] = {key: _schema(item) for key, item in value.items()}
        elif name in ("items", "additionalProperties", "allOf", "anyOf", "oneOf", "not"):
            out[name] = _schema(value)
        elif name == "discriminator":
            out[name] = {"propertyName": value}
        elif name == "x-nullable":
            out["nullable"] = value
        else:
            out[name] = value
    if out.get("type") == "file":
        out |= {"type": "string", "format": "binary"}
    return out


def _name_of(ref: str) -> str:
    return f"at.{sha256_hex(ref.encode())[:16]}"


def _ref(ref: str) -> str:
    if ref.startswith(_INTO_PATHS):
        return f"#/components/schemas/{_name_of(ref)}"
    for old, new in _REFS.items():
        if ref.startswith(old):
            return new + ref.removeprefix(old)
    return ref


def _security(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    if item.get("type") == "basic":
        return {"type": "http", "scheme": "basic"}
    if item.get("type") != "oauth2":
        return item
    flow = str(item.get("flow", "implicit"))
    urls = {name: item[name] for name in ("authorizationUrl", "tokenUrl") if name in item}
    return {"type": "oauth2", "flows": {_FLOWS.get(flow, flow): {**urls, "scopes": item.get("scopes", {})}}}


def _each(value: Any, change: Any) -> Any:
    """`change` done to every member but extensions."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        return value
    return {name: item if name.startswith("x-") else change(item) for name, item in value.items()}


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _names(value: Any, default: list[str]) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) and value else default
