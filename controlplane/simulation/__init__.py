"""The simulated hospital network: systems and clients as separate processes behind a governed gateway.

`plan` (seeded, pure) says what happens; `system/` are the backends, `driver/` the clients and the fault conductor;
`network` starts and stops the processes in a run directory; `verify/` compares, from files alone, what clients,
systems, gateway and control plane each wrote down. Nothing outside the `waybill demo` commands and their tests imports
this package.
"""
