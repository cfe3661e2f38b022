"""Operations, channels and messages of AsyncAPI 3: `receive` is a request, `send` a response, a reply the reverse."""

from __future__ import annotations

from catalog.compatibility.contract.rule.rule import Rule, both, pair

_OPERATION = "an operation is there for both sides or for neither"
_WIRE = "who writes and who reads must agree on how a message travels"
_DOCUMENTATION = "words bind nobody"

RULES: tuple[Rule, ...] = (
    both("event-operation-removed", "An operation was removed", "Its publishers or subscribers are cut off.", "major",
         "event-operation-added", _OPERATION),
    both("event-operation-added", "An operation was added", "Nobody depends on it yet.", "minor",
         "event-operation-removed", _OPERATION),
    both("action-changed", "An operation turned between send and receive", "Both sides change their part.", "major",
         "action-changed", _OPERATION),
    both("channel-address-changed", "A channel has another address", "Messages go to where nobody listens.", "major",
         "channel-address-changed", _WIRE),
    *pair(("message-removed", "A message was removed", "Publishers of it are refused."),
          ("message-added", "A message was added", "Subscribers meet a message that they do not know.")),
    both("message-media-type-changed", "A message is written as another media type", "Readers expect the old one.",
         "major", "message-media-type-changed", _WIRE),
    both("message-format-changed", "The schema of a message is of another format",
         "Schemas of two formats cannot be compared.", "major", "message-format-changed", _WIRE),
    both("message-correlation-changed", "A message is correlated by something else", "Replies are not matched.",
         "major", "message-correlation-changed", _WIRE),
    both("binding-changed", "A protocol binding was changed",
         "What it means is known to the protocol only, so that it cannot be decided here.", "major",
         "binding-changed", _WIRE),
    both("reply-removed", "The reply was removed", "Whoever waits for it waits in vain.", "major", "reply-added",
         _OPERATION),
    both("reply-added", "A reply was added", "Whoever does not wait for it goes on.", "minor", "reply-removed",
         _OPERATION),
    both("reply-address-changed", "Replies go elsewhere", "Whoever waits for one waits in vain.", "major",
         "reply-address-changed", _WIRE),
    both("message-described", "Words or examples of a message were changed", "Words only.", "patch",
         "message-described", _DOCUMENTATION),
)  # fmt: skip
