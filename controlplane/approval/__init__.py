"""Changes that wait for somebody's approval before they are published.

`requirement` says what a change needs and who may answer (pure); `store` has the tables; `service` files proposals,
takes answers and publishes; `controllers` is the REST surface. What needs approval is said by the `governance.yaml`
in force, never by the one that is proposed.
"""
