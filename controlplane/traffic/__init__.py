"""Traffic as those who run gateways and systems look at it: calls, refusals, faults and where the time goes.

`count` turns exchanges into counters (pure); `projection` adds them up; `service` reads windows of them: the whole
network, each system, and who uses a contract; `store` has the tables; `controllers` is the REST surface. Reads touch
roll-ups and what is in doubt, never the exchanges themselves.
"""
