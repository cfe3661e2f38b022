"""The gateway group's state (design §11.1).

`store` is the interface and its Structs, `sqlite` the one-process implementation: `schema` (file, lock, tables),
`writer` (the writing thread), `statement` (SQL of the hot path), `view` (what is still being written), `recovery`
(what dead processes left), `backlog` (stream lines kept), `attention` (what needs a person), `quota` (rate limits).
"""
