"""The group's state in PostgreSQL, for several gateway processes on several hosts (design §11.1).

`store` is the implementation of `Store`; `schema` makes connections and tables; `session` is the writing connection,
fenced by the epoch's row; `epoch` takes a slot, keeps its lease and declares others dead; `lookup` is the thread that
asks for claims, cross-references and quotas, many in one round trip.
"""
