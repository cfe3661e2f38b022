"""What differs between two versions, and whom a canonical schema reaches: of what is in force, and of proposals.

`view` tells a comparison for people (pure), `reach` an impact with its consumers; `source` reads versions in force;
`service` remembers by digest what was compared, within a bound (`catalog.memo`).
"""
