"""Operations, security, servers, and what `x-waybill` says of a call."""

from __future__ import annotations

from catalog.compatibility.contract.rule.rule import Rule, both

_OPERATION = "an operation is there for both sides or for neither"
_SECURITY = "credentials go one way only: with the request"
_MEANING = "what a call means does not flow in a direction"
_DOCUMENTATION = "words bind nobody"

_PATHS = (
    both("path-removed", "A path was removed", "Calls of it are answered 404.", "major", "path-added", _OPERATION),
    both("path-added", "A path was added", "Nobody depends on it yet.", "minor", "path-removed", _OPERATION),
    both("method-removed", "A method of a path was removed", "Calls of it are answered 405.", "major", "method-added",
         _OPERATION),
    both("method-added", "A method of a path was added", "Nobody depends on it yet.", "minor", "method-removed",
         _OPERATION),
    both("webhook-removed", "A webhook was removed", "Its receivers wait in vain.", "major", "webhook-added",
         _OPERATION),
    both("webhook-added", "A webhook was added", "Nobody receives it unasked.", "minor", "webhook-removed", _OPERATION),
    both("callback-removed", "A callback was removed", "Callers that wait for it wait in vain.", "major",
         "callback-added", _OPERATION),
    both("callback-added", "A callback was added", "Callers need not answer it: they have not declared an address.",
         "minor", "callback-removed", _OPERATION),
    both("operation-id-changed", "An operationId was changed or removed",
         "Generated clients name their functions by it, and so do policies, objectives and statistics of use. Nothing "
         "on the wire changes, and yet everybody has to change.", "major", "operation-id-changed", _OPERATION),
    both("operation-id-added", "An operationId was added where none was", "It replaces a name that tools had made.",
         "minor", "operation-id-changed", _OPERATION),
    both("path-parameter-renamed", "A path parameter has another name",
         "The path matches the same requests; only clients with named arguments notice.", "minor",
         "path-parameter-renamed", _OPERATION),
    both("operation-deprecated", "An operation was deprecated", "It still answers; users should plan.", "minor",
         "operation-reinstated", _OPERATION),
    both("operation-reinstated", "An operation is no longer deprecated", "Nothing changes for a caller.", "patch",
         "operation-deprecated", _OPERATION),
    both("link-changed", "A link of an answer was changed", "Links are hints; no call depends on one.", "minor",
         "link-changed", _OPERATION),
)  # fmt: skip

_SECURED = (
    both("security-required", "Credentials are asked for where none were", "Anonymous calls are refused.", "major",
         "security-dropped", _SECURITY),
    both("security-dropped", "Credentials are no longer asked for", "Whoever sends them may go on.", "minor",
         "security-required", _SECURITY),
    both("security-alternative-removed", "A way to authenticate was removed", "Its users are refused.", "major",
         "security-alternative-added", _SECURITY),
    both("security-alternative-added", "A way to authenticate was added", "The others go on.", "minor",
         "security-alternative-removed", _SECURITY),
    both("security-scope-added", "A scope is asked for in addition", "Credentials without it are refused.", "major",
         "security-scope-removed", _SECURITY),
    both("security-scope-removed", "A scope is no longer asked for", "Credentials that hold it may go on.", "minor",
         "security-scope-added", _SECURITY),
    both("security-scheme-changed", "A security scheme works otherwise",
         "Type, place, name or scheme differ: credentials are to be sent in another way.", "major",
         "security-scheme-changed", _SECURITY),
    both("security-flow-removed", "An OAuth flow was removed", "Its users get no tokens.", "major",
         "security-flow-added", _SECURITY),
    both("security-flow-added", "An OAuth flow was added", "The others go on.", "minor", "security-flow-removed",
         _SECURITY),
)  # fmt: skip

_MEANINGS = (
    both("idempotency-required", "An idempotency key became required", "Calls without a key are refused.", "major",
         "idempotency-relaxed", _MEANING),
    both("idempotency-relaxed", "An idempotency key is no longer required", "Calls with a key go on.", "minor",
         "idempotency-required", _MEANING),
    both("idempotency-dropped", "Idempotency keys are no longer honoured", "A call repeated under its key runs twice.",
         "major", "idempotency-offered", _MEANING),
    both("idempotency-offered", "Idempotency keys are honoured", "Calls without a key go on.", "minor",
         "idempotency-dropped", _MEANING),
    both("delivery-changed", "Delivery changed between sync and async",
         "The answer no longer says whether the work was done, or says it where it was asked for later.", "major",
         "delivery-changed", _MEANING),
    both("object-changed", "A call is about another business object", "Lineage and figures lose it.", "major",
         "object-changed", _MEANING),
    both("object-declared", "A call says which business object it is about", "Nothing depended on it.", "minor",
         "object-changed", _MEANING),
    both("event-changed", "A success tells another business event, or none", "Objectives and subscribers wait in vain.",
         "major", "event-changed", _MEANING),
    both("event-declared", "A success tells a business event", "Nothing depended on it.", "minor", "event-changed",
         _MEANING),
    both("identity-changed", "The business key is taken from elsewhere", "The same object gets another identity.",
         "major", "identity-changed", _MEANING),
    both("legal-entity-changed", "The legal entity is taken from elsewhere",
         "Calls that do not say it there are refused or booked elsewhere.", "major", "legal-entity-changed", _MEANING),
    both("safety-dropped", "A call that executed nothing now may", "It is no longer free to repeat.", "major",
         "safety-promised", _MEANING),
    both("safety-promised", "A call promises to execute nothing", "It may be repeated freely.", "minor",
         "safety-dropped", _MEANING),
    both("meaning-changed", "Something else of x-waybill was changed",
         "Links, amounts, priority, reconciliation: accounts are kept otherwise, calls go on.", "minor",
         "meaning-changed", _MEANING),
)  # fmt: skip

_WORDS = (
    both("server-changed", "Servers were changed", "An address belongs to an installation, not to the agreement.",
         "patch", "server-changed", _DOCUMENTATION),
    both("document-described", "Title, description, tags or contact of the document were changed", "Words only.",
         "patch", "document-described", _DOCUMENTATION),
    both("operation-described", "Summary, description or tags of an operation were changed", "Words only.", "patch",
         "operation-described", _DOCUMENTATION),
    both("extension-changed", "An extension was changed that Waybill does not read",
         "What it means is known elsewhere.", "patch", "extension-changed", _DOCUMENTATION),
)  # fmt: skip

RULES: tuple[Rule, ...] = (*_PATHS, *_SECURED, *_MEANINGS, *_WORDS)
