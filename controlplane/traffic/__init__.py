"""Traffic as those who run gateways and systems look at it: calls, refusals, faults and where the time goes.

`count` turns exchanges into counters (pure); `projection` adds them up; `service` reads windows of them: the whole
network and each system; `usage` tells who uses a contract, `field` which of its fields were there, `draft` what a
draft would have refused; `store` has the tables; `controllers` is the REST surface. Reads touch roll-ups and what is
in doubt, never the exchanges themselves.
"""
