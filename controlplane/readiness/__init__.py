"""Whether a version can be published, with every reason.

ground       the reasons, each blocking or not (pure)
draft        a workspace with the version as it would be published (pure)
service      gathers what is judged
controllers  the REST surface
"""
