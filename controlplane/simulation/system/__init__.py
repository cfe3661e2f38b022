"""The systems of the network, one process each: `python -m controlplane.simulation.system KIND …`.

`server` listens, logs every request and obeys fault controls; a *backend* (`procurement`, `receiving`, `payables`,
`finance`) holds state and behaves; `record` is the state they share the shape of; `outbox` makes the calls that a
system owes to others. Business keys, statuses and shapes follow the built-in contracts.
"""
