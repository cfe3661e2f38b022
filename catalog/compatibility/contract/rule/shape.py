"""Schemas of parameters, headers, bodies and messages.

The weights are those of a change alone. Where the comparison of the whole schema proves that every instance stays
valid, a change that would break weighs minor, unless its rule is absolute.
"""

from __future__ import annotations

from catalog.compatibility.contract.rule.rule import Rule, both, pair

_ABSENT = "what is gone is missed by whoever sent it as by whoever read it"
_OFFER = "an offer binds nobody until it is taken"
_CHOICE = "who writes and who reads must choose the same schema for the same value"
_DOCUMENTATION = "words bind nobody"
_OTHER = "neither holds the other"
_OPEN = "both sides have been told to expect values that are not listed"


def _bound(name: str, title: str, is_upper: bool) -> tuple[Rule, Rule]:
    """A bound that is tightened or loosened, given or taken away."""
    tight, loose = ("lowered", "raised") if is_upper else ("raised", "lowered")
    return pair(
        (f"{name}-{tight}", f"{title} was {tight}", f"Fewer values are allowed ({title.lower()} given or {tight})."),
        (f"{name}-{loose}", f"{title} was {loose}", f"More values are allowed ({title.lower()} {loose} or dropped)."),
    )


_PROPERTIES = (
    Rule("property-required-added", "A required property was added", "Documents without it are refused.", "major",
         "minor", "property-removed", "whoever read it misses it once removed, required or not"),
    both("property-added", "An optional property was added", "Nobody counts on it.", "minor", "property-removed",
         _OFFER),
    Rule("property-removed", "A property was removed",
         "Whoever reads it misses it. Whoever sends it is refused where the object is closed, and passed over where it "
         "is open: that nobody counts on it cannot be proved, only waived.", "major", "major", "property-added",
         _ABSENT, is_absolute=True),
    *pair(("property-became-required", "A property became required", "Documents without it are refused."),
          ("property-became-optional", "A property became optional", "Whoever reads it may miss it.")),
    *pair(("object-closed", "Undeclared properties are no longer allowed", "Documents that hold some are refused."),
          ("object-opened", "Undeclared properties are allowed", "Readers meet some.")),
    both("property-deprecated", "A property was deprecated", "It still works; users should plan.", "minor",
         "property-reinstated", _OFFER),
    both("property-reinstated", "A property is no longer deprecated", "Nothing changes.", "patch",
         "property-deprecated", _OFFER),
    *_bound("min-properties", "The least number of properties", is_upper=False),
    *_bound("max-properties", "The greatest number of properties", is_upper=True),
)  # fmt: skip

_VALUES = (
    *pair(("type-narrowed", "A type is no longer allowed", "Values of it are refused."),
          ("type-widened", "A type is allowed in addition", "Readers meet values of it.")),
    both("type-changed", "The type was changed", "Values of the old type are refused, readers meet others.", "major",
         "type-changed", _OTHER),
    *pair(("null-refused", "Null is no longer allowed", "Senders of null are refused."),
          ("null-allowed", "Null is allowed", "Readers meet null.")),
    *pair(("enum-value-removed", "A value of an enumeration was removed", "Senders of it are refused."),
          ("enum-value-added", "A value of an enumeration was added",
           "Readers meet a value that they do not know, unless `x-extensible-enum` told them to expect it.")),
    *pair(("enum-given", "Values were enumerated", "All others are refused."),
          ("enum-dropped", "Values are no longer enumerated", "Readers meet others.")),
    both("open-enum-changed", "Values of an extensible enumeration were changed",
         "Readers have been told to expect others.", "minor", "open-enum-changed", _OPEN),
    *pair(("pattern-added", "A pattern was added", "Text that does not match is refused."),
          ("pattern-removed", "A pattern was dropped", "Readers meet text of another form.")),
    both("pattern-changed", "A pattern was changed", "Neither pattern is known to hold the other.", "major",
         "pattern-changed", _OTHER),
    *pair(("format-added", "A format was added", "Text of another form is refused."),
          ("format-removed", "A format was dropped", "Readers meet text of another form.")),
    both("format-changed", "A format was changed", "Text of the old form is refused.", "major", "format-changed",
         _OTHER),
    *_bound("min-length", "The least length", is_upper=False),
    *_bound("max-length", "The greatest length", is_upper=True),
    *_bound("minimum", "The lower bound", is_upper=False),
    *_bound("maximum", "The upper bound", is_upper=True),
    *pair(("multiple-given", "Only multiples are allowed", "Other numbers are refused."),
          ("multiple-dropped", "Numbers need no longer be multiples", "Readers meet other numbers.")),
    both("multiple-changed", "Numbers are multiples of something else", "Others than before are refused.", "major",
         "multiple-changed", _OTHER),
    *_bound("min-items", "The least number of items", is_upper=False),
    *_bound("max-items", "The greatest number of items", is_upper=True),
    *pair(("uniqueness-asked", "Items must differ", "Arrays with equal items are refused."),
          ("uniqueness-dropped", "Items may be equal", "Readers meet equal items.")),
)  # fmt: skip

_CHOICES = (
    *pair(("branch-removed", "An alternative was removed", "Values of it are refused."),
          ("branch-added", "An alternative was added", "Readers meet values of it.")),
    *pair(("choice-given", "Alternatives were given", "Values that are none of them are refused."),
          ("choice-dropped", "Alternatives were dropped", "Readers meet other values.")),
    both("discriminator-changed", "The discriminator names another property, or none",
         "The property that chooses the schema is another.", "major", "discriminator-changed", _CHOICE,
         is_absolute=True),
    both("discriminator-added", "A discriminator was added", "It names what the alternatives said before.", "minor",
         "discriminator-changed", _OFFER),
    both("mapping-changed", "A value of the discriminator chooses another schema, or none",
         "The same document is read otherwise.", "major", "mapping-changed", _CHOICE, is_absolute=True),
    *pair(("mapping-removed", "A value of the discriminator was removed", "Documents with it are refused."),
          ("mapping-added", "A value of the discriminator was added", "Readers meet a value that they do not know."),
          is_absolute=True),
    both("keyword-changed", "A keyword of the schema was changed",
         "Conditions, negations, patterns of names and the like: decided by comparing the schemas as a whole.", "major",
         "keyword-changed", _OTHER),
    both("encoding-of-text-changed", "Text holds something else",
         "`contentEncoding` or `contentMediaType` changed: what the text means cannot be compared.", "major",
         "encoding-of-text-changed", _CHOICE, is_absolute=True),
    both("xml-changed", "Elements of XML are named otherwise", "Only where the media type is XML.", "major",
         "xml-changed", _CHOICE, is_absolute=True),
    both("reference-changed", "Another schema is referred to that is not at hand",
         "What is outside of the document cannot be compared here.", "major", "reference-changed", _OTHER,
         is_absolute=True),
)  # fmt: skip

_WHOLE = (
    both("schema-changed", "The schema no longer holds all that it held",
         "No single keyword explains it; the witness does.", "major", "schema-changed", _OTHER),
    both("schema-undecided", "Whether every value stays valid could not be decided",
         "What cannot be proved safe counts as breaking, and can be waived.", "major", "schema-undecided", _OTHER),
    both("part-undecided", "A part of the document cannot be read",
         "It is malformed, or leads out of the document: whatever it says may have changed.", "major",
         "part-undecided", _OTHER),
    both("schema-more", "There are more changes than are listed", "The weight is that of the heaviest.", "major",
         "schema-more", _OTHER),
    both("schema-rewritten", "The schema says the same in other words", "No value is judged otherwise.", "patch",
         "schema-rewritten", _DOCUMENTATION),
    both("default-changed", "A default was changed", "It validates nothing; a value left out means something else.",
         "minor", "default-changed", _OFFER),
    both("schema-described", "Words or examples of a schema were changed", "Words only.", "patch", "schema-described",
         _DOCUMENTATION),
)  # fmt: skip

RULES: tuple[Rule, ...] = (*_PROPERTIES, *_VALUES, *_CHOICES, *_WHOLE)
