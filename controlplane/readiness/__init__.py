"""Whether a version can be published, with every reason.

hit          whom a breaking change touches: changes against the fields that consumers were seen with (pure)
ground       the reasons, each blocking or not (pure)
draft        a workspace with the version as it would be published (pure)
service      gathers what is judged
controllers  the REST surface
"""
