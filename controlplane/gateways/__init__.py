"""Gateways: they enrol with a one-time token, pull snapshots, report on them, and carry commands out.

`service` keeps the rows; `revocation` replaces and ends credentials; `controllers` has the gateways' own side (enrol,
snapshot, blobs, status, commands) and the people's side (enrolments, list, ends).
"""
