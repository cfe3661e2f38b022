"""Business objects, what happened to them and how they hang together: all derived from `exchange` entries.

`summary` turns an exchange into a row (pure); `rollup` counts calls and latencies per time bucket (pure);
`histogram` is the latency scale (pure); `projection` writes; `chain`, `search` and `exchange` read; `store` has the
tables; `controllers` is the REST surface.

One exchange may be told twice: first as in doubt, later with its settled outcome, perhaps by the successor's stream.
The telling that was committed last is the exchange; counters take the earlier one back.
"""
