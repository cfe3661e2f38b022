"""Who may ask the control plane: people's tokens with roles, gateways' credentials.

`credential` makes and compares secrets; `principal` says who was recognised; `guard` holds the rules that routes
declare; `service` and `store` keep the rows; `controllers` is the REST surface.
"""
