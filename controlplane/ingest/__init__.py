"""Takes the gateways' streams in: checks the chain, keeps the lines verbatim, feeds the projections.

`batch` reads and checks the lines of one request (pure); `store` holds the log; `service` commits log, cursor and
projections together, signs heads and rebuilds projections from the log; `projection` is the interface that
projections implement; `controllers` is the REST surface.

**Invariant**: a projection is a function of the *set* of entries. It must not depend on the order in which streams
arrive, so that a rebuild gives the same figures to the last digit.
"""
