"""Who may ask the control plane: people's tokens and sign-ins with roles and legal entities, gateways' credentials.

`principal` says who was recognised and has the one table of roles; `guard` holds the rules that routes declare;
`scope` resolves which entities a grant covers. `credential` makes and compares secrets, `expiry` reads times;
`service` and `store` keep the rows; `controllers` is the REST surface. `oidc` judges tokens of an OpenID provider
(pure), `jwks` keeps its keys, `provider` makes both from the settings.
"""
