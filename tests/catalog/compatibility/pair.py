"""Random pairs of schemas, the second a mutation of the first, and instances near both, from a seed."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

NAMES = ("a", "b", "c", "x-a", "1")
PATTERNS = ("^a", "b$", "^[a-c]+$", "^x-", "[0-9]", "^(a|b){1,3}$", "a{2,}", "(?=a)b", "^\\d+$")
FORMATS = ("date", "email", "ipv4", "uuid", "unheard-of")
NUMBERS = (-1, 0, 1, 2, 3, 5, 1.0, 0.5, 2.5, 10, 2**53 + 1, 1e300)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 1.0, 2, -1, 0.5, 2.5, 3, 10, 2**53 + 1, 1e300, "", "a", "b", "ab", "aa", "abc", "1"),
    *("x-a", "é", "\U0001f600", "2026-01-31", "a@b.org", [], [1], [1.0], [True], [1, 1], ["a", 2], [[], {}], {}),
    *({"a": 1}, {"a": "a"}, {"b": None}, {"a": 1, "b": 2}, {"x-a": 1}, {"c": {}}, {"a": {"a": 1}}, "12", "a\n"),
)
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
DIALECTS = ("draft4", "draft6", "draft7", "2019-09", "2020-12", "openapi-3.0")
_NEW = ("draft6", "draft7", "2019-09", "2020-12")


class Maker:
    """Makes schemas of one dialect; `definitions` are the names that a reference may lead to."""

    def __init__(self, seed: int, dialect: str | None = None) -> None:
        self.random = Random(seed)
        self.dialect = dialect or self.random.choice(DIALECTS)

    def pair(self) -> tuple[Any, Any]:
        """A document and the same with one to three changes, anywhere in it."""
        old = self.document()
        new = copy.deepcopy(old)
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            new = self.mutated(new)
        return (old, new) if self.random.random() < 0.5 else (new, old)

    def document(self) -> Any:
        schema = self.schema(self.random.choice((1, 2, 2, 3)))
        if isinstance(schema, dict) and self.random.random() < 0.3:
            schema = {**schema, "definitions": {name: self.schema(2, is_within=True) for name in ("d", "e")}}
            if "$ref" in schema:
                schema = {"allOf": [{"$ref": schema["$ref"]}], "definitions": schema["definitions"]}
        return schema

    def schema(self, depth: int, is_within: bool = False) -> Any:
        pick = self.random
        if pick.random() < 0.06 and self.dialect in _NEW:
            return pick.random() < 0.7
        if is_within and pick.random() < 0.25:
            return {"$ref": f"#/definitions/{pick.choice(('d', 'e'))}"}
        makers = [self._typed, self._typed, self._values, self._number, self._text]
        if depth > 0:
            makers += [self._object, self._object, self._array, self._logic, self._closed]
        schema: dict[str, Any] = {}
        for _ in range(pick.choice((1, 1, 2, 2, 3))):
            schema.update(pick.choice(makers)(depth, is_within))
        return schema

    def _typed(self, depth: int, is_within: bool) -> dict[str, Any]:
        pick = self.random
        if self.dialect == "openapi-3.0":
            made: dict[str, Any] = {"type": pick.choice(TYPES[1:])}
            return {**made, "nullable": True} if pick.random() < 0.3 else made
        if pick.random() < 0.3:
            return {"type": sorted(pick.sample(TYPES, 2))}
        return {"type": pick.choice(TYPES)}

    def _values(self, depth: int, is_within: bool) -> dict[str, Any]:
        if self.dialect in _NEW and self.random.random() < 0.4:
            return {"const": self.random.choice(VALUES)}
        return {"enum": [copy.deepcopy(self.random.choice(VALUES)) for _ in range(self.random.choice((1, 2, 3, 4)))]}

    def _number(self, depth: int, is_within: bool) -> dict[str, Any]:
        pick = self.random
        made: dict[str, Any] = {pick.choice(("minimum", "maximum")): pick.choice(NUMBERS)}
        if pick.random() < 0.3:
            made["multipleOf"] = pick.choice((1, 2, 3, 6, 0.5, 1.0, 0.1))
        if pick.random() < 0.3:
            keyword = pick.choice(("exclusiveMinimum", "exclusiveMaximum"))
            if self.dialect in _NEW:
                made[keyword] = pick.choice(NUMBERS)
            elif keyword.replace("exclusiveM", "m") in made:
                made[keyword] = pick.random() < 0.7
        return made

    def _text(self, depth: int, is_within: bool) -> dict[str, Any]:
        pick = self.random
        made: dict[str, Any] = {pick.choice(("minLength", "maxLength")): pick.choice((0, 1, 2, 3, 5))}
        if pick.random() < 0.4:
            made["pattern"] = pick.choice(PATTERNS)
        if pick.random() < 0.15:
            made["format"] = pick.choice(FORMATS)
        return made

    def _object(self, depth: int, is_within: bool) -> dict[str, Any]:
        pick = self.random
        made: dict[str, Any] = {
            "properties": {
                name: self.schema(depth - 1, is_within) for name in pick.sample(NAMES, pick.choice((1, 2, 3)))
            }
        }
        if pick.random() < 0.5:
            made["required"] = pick.sample(NAMES, pick.choice((1, 2)))
        if pick.random() < 0.3:
            made["additionalProperties"] = self.schema(depth - 1, is_within) if pick.random() < 0.5 else False
        if pick.random() < 0.25:
            made["patternProperties"] = {pick.choice(PATTERNS): self.schema(depth - 1, is_within)}
        if pick.random() < 0.2:
            made[pick.choice(("minProperties", "maxProperties"))] = pick.choice((0, 1, 2, 3))
        if pick.random() < 0.2 and self.dialect in _NEW:
            made["propertyNames"] = self._text(0, is_within)
        if pick.random() < 0.2:
            made.update(self._dependency(depth, is_within))
        return made

    def _dependency(self, depth: int, is_within: bool) -> dict[str, Any]:
        pick = self.random
        needs = {pick.choice(NAMES): pick.sample(NAMES, 1)}
        schemas = {pick.choice(NAMES): self.schema(depth - 1, is_within)}
        is_new = self.dialect in ("2019-09", "2020-12")
        if pick.random() < 0.5:
            return {"dependentRequired" if is_new else "dependencies": needs}
        return {"dependentSchemas" if is_new else "dependencies": schemas}

    def _closed(self, depth: int, is_within: bool) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": False, **self._object(depth, is_within)}

    def _array(self, depth: int, is_within: bool) -> dict[str, Any]:
        pick = self.random
        made: dict[str, Any] = {}
        inner = [self.schema(depth - 1, is_within) for _ in range(pick.choice((1, 2)))]
        if pick.random() < 0.7:
            made["items"] = inner[0]
        if pick.random() < 0.3:
            made["prefixItems" if self.dialect == "2020-12" else "items"] = inner
            if self.dialect != "2020-12" and pick.random() < 0.5:
                made["additionalItems"] = self.schema(depth - 1, is_within)
        if pick.random() < 0.3:
            made[pick.choice(("minItems", "maxItems"))] = pick.choice((0, 1, 2, 3))
        if pick.random() < 0.2:
            made["uniqueItems"] = pick.random() < 0.8
        if pick.random() < 0.25 and self.dialect in _NEW:
            made["contains"] = self.schema(depth - 1, is_within)
            if pick.random() < 0.4 and self.dialect in ("2019-09", "2020-12"):
                made[pick.choice(("minContains", "maxContains"))] = pick.choice((0, 1, 2))
        return made

    def _logic(self, depth: int, is_within: bool) -> dict[str, Any]:
        pick = self.random
        keyword = pick.choice(("anyOf", "oneOf", "allOf", "not", "if", "anyOf", "oneOf", "unevaluatedProperties"))
        if keyword == "not":
            return {"not": self.schema(depth - 1, is_within)}
        if keyword == "unevaluatedProperties":
            return {keyword: False} if self.dialect in ("2019-09", "2020-12") else {}
        if keyword == "if":
            names = pick.choice((("if", "then"), ("if", "else"), ("if", "then", "else")))
            return {name: self.schema(depth - 1, is_within) for name in names}
        return {keyword: [self.schema(depth - 1, is_within) for _ in range(pick.choice((1, 2, 2, 3)))]}

    # mutation

    def mutated(self, schema: Any) -> Any:
        """`schema`, changed at one place."""
        places = list(_places(schema))
        holder, name = self.random.choice(places) if places else (None, None)
        if holder is None or self.random.random() < 0.25:
            return self._altered(schema)
        holder[name] = self._altered(holder[name])
        return schema

    def _altered(self, schema: Any) -> Any:
        pick = self.random
        if not isinstance(schema, dict) or pick.random() < 0.1:
            return self.schema(1)
        changed = dict(schema)
        known = [name for name in changed if name not in ("definitions", "$ref")]
        roll = pick.random()
        if roll < 0.25 or not known:
            changed.update({k: v for k, v in self.schema(1).items() if k != "$ref"} if self.dialect not in _NEW else {})
            changed.update(pick.choice((self._typed, self._values, self._number, self._text, self._object))(1, False))
            return changed
        name = pick.choice(known)
        value = changed[name]
        if roll < 0.45:
            del changed[name]
        elif isinstance(value, bool):
            changed[name] = not value
        elif isinstance(value, int | float):
            changed[name] = max(0, value + pick.choice((1, -1, 2))) if "m" in name else value
            if name == "multipleOf":
                changed[name] = pick.choice((1, 2, 3, 6))
        elif isinstance(value, list) and name in ("enum", "required", "type", "anyOf", "oneOf", "allOf"):
            changed[name] = self._list(name, list(value))
        elif isinstance(value, dict) and name in ("properties", "patternProperties"):
            changed[name] = self._map(name, dict(value))
        elif name == "pattern":
            changed[name] = pick.choice(PATTERNS)
        return changed

    def _list(self, name: str, value: list[Any]) -> list[Any]:
        pick = self.random
        if len(value) > 1 and pick.random() < 0.4:
            value.pop(pick.randrange(len(value)))
        elif pick.random() < 0.3:
            pick.shuffle(value)
        elif name == "enum":
            value.append(pick.choice(VALUES))
        elif name == "type":
            value = sorted({*value, pick.choice(TYPES)})
        elif name == "required":
            value = sorted({*value, pick.choice(NAMES)})
        else:
            value.append(self.schema(1))
        return value

    def _map(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        pick = self.random
        if value and pick.random() < 0.4:
            value.pop(pick.choice(sorted(value)))
        else:
            value[pick.choice(NAMES if name == "properties" else PATTERNS)] = self.schema(1)
        return value

    # instances

    def instances(self, schemas: tuple[Any, ...], count: int) -> list[Any]:
        """Values that lie near what the schemas speak of."""
        return [self.instance(self.random.choice(schemas), schemas[0], 3) for _ in range(count)]

    def instance(self, schema: Any, root: Any, depth: int) -> Any:
        pick = self.random
        if not isinstance(schema, dict) or depth < 0 or pick.random() < 0.12:
            return copy.deepcopy(pick.choice(VALUES))
        if "$ref" in schema:
            target = (
                root.get("definitions", {}).get(schema["$ref"].rsplit("/", 1)[-1], {}) if isinstance(root, dict) else {}
            )
            return self.instance(target, root, depth - 1)
        if ("enum" in schema or "const" in schema) and pick.random() < 0.6:
            return copy.deepcopy(
                pick.choice([*schema.get("enum", []), *([schema["const"]] if "const" in schema else [])])
            )
        branches = [each for name in ("anyOf", "oneOf", "allOf") for each in schema.get(name, [])]
        branches += [schema[name] for name in ("not", "if", "then", "else") if name in schema]
        if branches and pick.random() < 0.5:
            return self.instance(pick.choice(branches), root, depth - 1)
        types = schema.get("type") or self._implied(schema)
        kind = pick.choice(types) if isinstance(types, list) else types
        return self._of_kind(kind, schema, root, depth)

    def _implied(self, schema: dict[str, Any]) -> str:
        kinds = []
        kinds += (
            ["object"] if any(name in schema for name in ("properties", "required", "additionalProperties")) else []
        )
        kinds += ["array"] if any(name in schema for name in ("items", "contains", "prefixItems")) else []
        kinds += ["number"] if any("imum" in name or name == "multipleOf" for name in schema) else []
        kinds += ["string"] if any("Length" in name or name == "pattern" for name in schema) else []
        return self.random.choice(kinds or list(TYPES))

    def _of_kind(self, kind: str, schema: dict[str, Any], root: Any, depth: int) -> Any:
        pick = self.random
        if kind == "object":
            inner = {**schema.get("properties", {}), **{name: {} for name in schema.get("required", [])}}
            inner = {**inner, **schema.get("properties", {})}
            required = schema.get("required", [])
            made = {
                name: self.instance(each, root, depth - 1)
                for name, each in inner.items()
                if name in required or pick.random() < 0.6
            }
            if pick.random() < 0.25:
                other = schema.get("additionalProperties", {})
                made[pick.choice(NAMES)] = self.instance(other, root, depth - 1)
            if made and pick.random() < 0.1:
                made.pop(pick.choice(sorted(made)))
            return made
        if kind == "array":
            items = schema.get("prefixItems", schema.get("items", schema.get("contains", {})))
            rest = schema.get("items", schema.get("additionalItems", {}))
            length = pick.choice((0, 1, 1, 2, 2, 3))
            each = [items[i] if isinstance(items, list) and i < len(items) else rest for i in range(length)]
            return [self.instance(one if isinstance(one, dict) else {}, root, depth - 1) for one in each]
        if kind in ("integer", "number"):
            bounds = [value for name, value in schema.items() if "imum" in name and not isinstance(value, bool)]
            near = pick.choice(bounds or [0]) + pick.choice((0, 0, 1, -1, 2, 6, -6))
            return near if kind == "integer" else pick.choice((near, near + 0.5, near - 0.5, float(near)))
        if kind == "string":
            length = max(0, schema.get("minLength", schema.get("maxLength", 1)) + pick.choice((0, 0, 1, -1)))
            return pick.choice((pick.choice("abx1é") * length, "ab1"[:length], pick.choice(("x-a", "aa", "b", "12"))))
        return None if kind == "null" else pick.random() < 0.5


def _places(schema: Any) -> Any:
    """Every place that holds a schema, as its holder and the name in it."""
    if not isinstance(schema, dict):
        return
    for name in ("additionalProperties", "not", "if", "then", "else", "contains", "items", "additionalItems"):
        if isinstance(schema.get(name), dict):
            yield schema, name
            yield from _places(schema[name])
    for name in ("anyOf", "oneOf", "allOf", "prefixItems", "items"):
        for index, child in enumerate(schema[name]) if isinstance(schema.get(name), list) else ():
            yield schema[name], index
            yield from _places(child)
    for name in ("properties", "patternProperties", "definitions", "dependentSchemas"):
        for key, child in schema.get(name, {}).items():
            yield schema[name], key
            yield from _places(child)
