"""What people did: an append-only table, written in the transaction of the act itself, and a route that reads it."""
