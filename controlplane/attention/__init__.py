"""What needs a person: opened by the gateways' streams, settled by a command that a gateway carries out.

`service.apply` takes stream entries in the ingest's transaction; nothing is settled here before the gateway's own
entry says so, since the state lives in the gateway's group store.
"""
