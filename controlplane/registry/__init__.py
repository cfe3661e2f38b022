"""What is in force: published versions, the workspace's objects, consumers' keys, signed snapshots.

`candidate` compiles posted files into what would be in force; `plan` compares it with what is (pure); `service`
applies and publishes; `key` issues consumers' API keys; `publication` builds and signs manifests; `store` has the
tables and the reads that other domains use.
"""
