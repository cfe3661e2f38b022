"""The rules: every kind of difference that a comparison names, as data.

Rules come in mirrored pairs: what one adds the other removes, so that a change read in one direction has its twin in
the other.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """A kind of difference. `id` is stable; `mirror` is the rule of the same change made backwards."""

    id: str
    title: str
    explanation: str
    keyword: str
    mirror: str


_BOUNDS = {
    "minimum": ("the least number", "numbers"),
    "maximum": ("the greatest number", "numbers"),
    "exclusiveMinimum": ("the number to stay above", "numbers"),
    "exclusiveMaximum": ("the number to stay below", "numbers"),
    "minLength": ("the fewest characters", "text"),
    "maxLength": ("the most characters", "text"),
    "minItems": ("the fewest items", "arrays"),
    "maxItems": ("the most items", "arrays"),
    "minProperties": ("the fewest members", "objects"),
    "maxProperties": ("the most members", "objects"),
}
_WHOLE = {
    "enum": "the list of values",
    "const": "the only value",
    "multipleOf": "the divisor of numbers",
    "pattern": "the regular expression for text",
    "format": "the format of text, which asserts",
    "uniqueItems": "that no two items are equal",
    "contains": "the items that must occur, and how often",
    "items": "what holds of the items of an array",
    "additionalProperties": "what holds of members that are not named",
    "propertyNames": "what holds of the names of members",
    "dependencies": "what a member brings with it",
    "dependentRequired": "the members that another member needs",
    "dependentSchemas": "what holds of an object that has a member",
    "allOf": "what must hold together",
    "anyOf": "of what at least one must hold",
    "oneOf": "of what exactly one must hold",
    "not": "what must not hold",
    "if": "what holds under a condition",
    "unevaluatedItems": "what holds of items that nothing else speaks of",
    "unevaluatedProperties": "what holds of members that nothing else speaks of",
    "$ref": "the schema that is referred to",
    "$dynamicRef": "a reference that depends on its surroundings",
    "$recursiveRef": "a reference that depends on its surroundings",
    "type": "the types of value",
}
_RAISED = "A greater least bound, or a smaller greatest one, refuses values that were accepted before."


def slug(keyword: str) -> str:
    """The keyword as it stands in rule ids: `maxLength` as `max-length`."""
    return "".join(f"-{char.lower()}" if char.isupper() else char for char in keyword).lstrip("$")


def _pair(keyword: str, first: tuple[str, str, str], second: tuple[str, str, str]) -> list[Rule]:
    return [Rule(*first, keyword, second[0]), Rule(*second, keyword, first[0])]


def _presence(keyword: str, what: str) -> list[Rule]:
    """Added, removed, changed."""
    name = slug(keyword)
    added = (f"{name}-added", f"{keyword} added", f"{keyword} says {what}: instances may no longer be valid.")
    removed = (f"{name}-removed", f"{keyword} removed", f"{keyword} said {what}: instances become valid.")
    changed = f"{keyword} says {what}; whether old instances stay valid depends on the two values."
    return [
        *_pair(keyword, added, removed),
        Rule(f"{name}-changed", f"{keyword} changed", changed, keyword, f"{name}-changed"),
    ]


def _bound(keyword: str, what: str, kind: str) -> list[Rule]:
    name = slug(keyword)
    raised = (f"{name}-raised", f"{keyword} raised", f"{keyword} is {what} of {kind}. {_RAISED}")
    lowered = (f"{name}-lowered", f"{keyword} lowered", f"{keyword} is {what} of {kind}. {_RAISED}")
    added = (f"{name}-added", f"{keyword} added", f"{keyword} is {what} of {kind}; there was no such bound.")
    removed = (f"{name}-removed", f"{keyword} removed", f"{keyword} was {what} of {kind}; the bound is gone.")
    return [*_pair(keyword, raised, lowered), *_pair(keyword, added, removed)]


def _members() -> list[Rule]:
    return [
        *_pair(
            "properties",
            (
                "property-added",
                "property added",
                "An open object took the member with any value before; a closed one refused it.",
            ),
            (
                "property-removed",
                "property removed",
                "An open object goes on taking the member, with any value; a closed one refuses it.",
            ),
        ),
        *_pair(
            "patternProperties",
            (
                "pattern-property-added",
                "pattern of names added",
                "Members with such names may no longer have any value.",
            ),
            (
                "pattern-property-removed",
                "pattern of names removed",
                "Members with such names are taken as any others.",
            ),
        ),
        *_pair(
            "required",
            ("required-added", "member newly required", "Instances without the member are refused from now on."),
            ("required-removed", "member no longer required", "Instances may come without the member from now on."),
        ),
        *_pair(
            "additionalProperties",
            ("object-closed", "object closed", "Members that are not named are refused from now on."),
            ("object-opened", "object opened", "Members that are not named are accepted from now on."),
        ),
    ]


def _wholes() -> list[Rule]:
    return [
        *_pair(
            "type",
            ("type-widened", "more types", "Values of further types are accepted from now on."),
            ("type-narrowed", "fewer types", "Values of some type are refused from now on."),
        ),
        *_pair(
            "enum",
            (
                "enum-value-added",
                "values added",
                "Further values are accepted from now on; whoever reads them must know them.",
            ),
            ("enum-value-removed", "values removed", "Some values are refused from now on."),
        ),
        *(
            rule
            for keyword, word in (("anyOf", "any-of"), ("oneOf", "one-of"))
            for rule in _pair(
                keyword,
                (
                    f"{word}-branch-added",
                    f"branch of {keyword} added",
                    "There is one more way to be valid, or to be valid twice.",
                ),
                (f"{word}-branch-removed", f"branch of {keyword} removed", "There is one way less to be valid."),
            )
        ),
        Rule(
            "schema-changed",
            "schema changed",
            "The schemas differ in a way that no other rule names.",
            "",
            "schema-changed",
        ),
    ]


RULES: tuple[Rule, ...] = (
    *_members(),
    *_wholes(),
    *(rule for keyword, (what, kind) in _BOUNDS.items() for rule in _bound(keyword, what, kind)),
    *(rule for keyword, what in _WHOLE.items() for rule in _presence(keyword, what)),
)
BY_ID = {rule.id: rule for rule in RULES}


def message(rule: str, old: Any, new: Any) -> str:
    """What changed, in one line; schemas are no payload, so their values may be told when they are short."""
    title = BY_ID[rule].title
    if old is None and new is None:
        return title
    if old is None or new is None:
        value = _told(new if old is None else old)
        return f"{title}: {value}" if value else title
    told = (_told(old), _told(new))
    return f"{title}: {told[0]} → {told[1]}" if all(told) else title


def _told(value: Any) -> str:
    text = msgspec.json.encode(value).decode() if isinstance(value, str | int | float | list) else ""
    return text if len(text) <= 60 else ""
