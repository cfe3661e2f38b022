"""Service level objectives, exactly (design §11.9).

`contribution` says what one exchange or one object adds to an objective (pure); `projection` keeps contributions
and their roll-ups; `watermark` says up to when the streams have told everything; `evaluation` reads the roll-ups;
`definition` follows the published workspace; `store` has the tables; `controllers` is the REST surface.

**Invariant**: a deadline writes nothing. Bad at T = closed bad + open with a deadline at or before T.
"""
