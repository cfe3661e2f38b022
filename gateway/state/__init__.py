"""The gateway group's state (design §11.1).

`store` is the interface and its Structs, `group` what every store does alike: `writer` (the writing thread),
`statement` (SQL of the hot path), `view` (what is still being written), `recovery` (what dead processes left),
`backlog` (stream lines kept), `attention` (what needs a person), over the dialect of `connection`. `sqlite` is for one
process (`schema`: file, lock, tables; `quota`: rate limits), `postgres/` for several.
"""
