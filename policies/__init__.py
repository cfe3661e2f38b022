"""What is enforced: pure, synchronous decisions, compiled per operation when a snapshot loads. No I/O.

decision   a decision is a value (allow, reject, hold, flag)
request    what a policy sees of a call and of its answer
policy     the shape of a policy: phase, after, needs, decide; facts; surroundings
chain      envelopes and policies compiled to the ordered steps of an operation
kind       which policies there are, the checks of their configs, the default bundle
builtin    one policy a file, listed in `BUILTIN`
bundles    envelopes that apply in every workspace
document   reading JSON off the wire; media: media types; parameter: OpenAPI parameters; quota: rate limits
table      the policy table of the documentation
"""

from policies.kind import UNSHADOWABLE, default_bundle, policy_kinds

__all__ = ["UNSHADOWABLE", "default_bundle", "policy_kinds"]
