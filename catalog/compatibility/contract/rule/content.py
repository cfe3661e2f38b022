"""Parameters, bodies, answers and headers. In a webhook or callback the owner of the contract sends the request, so
that these rules apply in the other direction."""

from __future__ import annotations

from catalog.compatibility.contract.rule.rule import Rule, both, pair

_ENCODING = "who writes and who reads must agree on how a value is written"
_ABSENT = "what is gone is missed by whoever sent it as by whoever read it"
_OFFER = "an offer binds nobody until it is taken"
_DOCUMENTATION = "words bind nobody"

_PARAMETERS = (
    Rule("parameter-required-added", "A required parameter was added", "Callers that do not send it are refused.",
         "major", "minor", "parameter-removed", "whoever read it misses it once removed, required or not"),
    both("parameter-added", "An optional parameter was added", "Callers need not send it.", "minor",
         "parameter-removed", _OFFER),
    both("parameter-removed", "A parameter was removed",
         "What callers send in it is refused or passed over; receivers of a webhook miss it.", "major",
         "parameter-added", _ABSENT),
    *pair(("parameter-became-required", "A parameter became required", "Callers that leave it out are refused."),
          ("parameter-became-optional", "A parameter became optional", "Whoever reads it may miss it.")),
    both("parameter-moved", "A parameter is sent elsewhere", "Its place changed between path, query, header, cookie.",
         "major", "parameter-moved", _ENCODING),
    both("parameter-style-changed", "A parameter is written in another style", "The same value is other text.",
         "major", "parameter-style-changed", _ENCODING),
    both("parameter-explode-changed", "A parameter of several values is spread otherwise",
         "`explode` changed for an array or object. For a single value it means nothing.", "major",
         "parameter-explode-changed", _ENCODING),
    both("parameter-content-changed", "A parameter is written as another media type",
         "It turned between schema and content, or its media type changed.", "major", "parameter-content-changed",
         _ENCODING),
    *pair(("parameter-reserved-refused", "Reserved characters must be escaped", "`allowReserved` was withdrawn."),
          ("parameter-reserved-allowed", "Reserved characters may stand unescaped", "`allowReserved` was given.")),
    *pair(("parameter-empty-refused", "An empty value is no longer allowed", "`allowEmptyValue` was withdrawn."),
          ("parameter-empty-allowed", "An empty value is allowed", "`allowEmptyValue` was given.")),
    both("parameter-deprecated", "A parameter was deprecated", "It still works; users should plan.", "minor",
         "parameter-reinstated", _OFFER),
    both("parameter-reinstated", "A parameter is no longer deprecated", "Nothing changes for a caller.", "patch",
         "parameter-deprecated", _OFFER),
    both("parameter-described", "Words about a parameter were changed", "Words only.", "patch",
         "parameter-described", _DOCUMENTATION),
)  # fmt: skip

_BODIES = (
    Rule("body-required-added", "A required body was added", "Callers that send none are refused.", "major", "minor",
         "body-removed", "whoever read it misses it once removed, required or not"),
    both("body-added", "An optional body was added", "Callers need not send it.", "minor", "body-removed", _OFFER),
    both("body-removed", "The body was removed", "What callers send in it is refused; receivers of a webhook miss it.",
         "major", "body-added", _ABSENT),
    *pair(("body-became-required", "The body became required", "Callers that send none are refused."),
          ("body-became-optional", "The body became optional", "Whoever reads it may get none.")),
    *pair(("body-media-type-removed", "A media type of a body was removed", "Callers that send it are refused."),
          ("body-media-type-added", "A media type of a body was added",
           "Callers may go on; the receiver of a webhook has no say in what is sent.")),
    both("encoding-changed", "Parts of a body are written otherwise", "`encoding` of a part was changed.", "major",
         "encoding-changed", _ENCODING),
    both("body-described", "Words or examples of a body were changed", "Words only.", "patch", "body-described",
         _DOCUMENTATION),
)  # fmt: skip

_ANSWERS = (
    both("answer-success-removed", "A success status was removed", "Callers that wait for it never see it.", "major",
         "answer-success-added", _ABSENT),
    both("answer-success-added", "A success status was added", "It is one more way to succeed.", "minor",
         "answer-success-removed", "statuses are read by class: an unknown 2xx is a success (RFC 9110 §15)"),
    both("answer-failure-removed", "A failure status was removed", "Callers handle one case less.", "minor",
         "answer-failure-added", "any call may fail in ways that no contract tells"),
    both("answer-failure-added", "A failure status was added", "Callers read it by its class (RFC 9110 §15).", "minor",
         "answer-failure-removed", "any call may fail in ways that no contract tells"),
    both("answer-media-type-removed", "A media type of an answer was removed", "Callers that ask for it get 406.",
         "major", "answer-media-type-added", _ABSENT),
    both("answer-media-type-added", "A media type of an answer was added", "Callers that ask for it get it.", "minor",
         "answer-media-type-removed", _OFFER),
    both("answer-described", "Words or examples of an answer were changed", "Words only.", "patch",
         "answer-described", _DOCUMENTATION),
    *pair(("header-required-added", "A required header was added", "It is always there from now on."),
          ("header-required-removed", "A required header was removed", "Whoever reads it misses it.")),
    both("header-added", "An optional header was added", "Nobody counts on it.", "minor", "header-removed", _OFFER),
    both("header-removed", "An optional header was removed", "It could be absent before.", "minor", "header-added",
         _OFFER),
    *pair(("header-became-required", "A header became required", "It is always there from now on."),
          ("header-became-optional", "A header became optional", "Whoever reads it may miss it.")),
    both("header-written-otherwise", "A header is written in another way",
         "`explode` of an array or object, or its media type, was changed.", "major", "header-written-otherwise",
         _ENCODING),
    both("header-described", "Words about a header were changed", "Words only.", "patch", "header-described",
         _DOCUMENTATION),
)  # fmt: skip

RULES: tuple[Rule, ...] = (*_PARAMETERS, *_BODIES, *_ANSWERS)
