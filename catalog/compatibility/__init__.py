"""Compatibility of schemas: a verdict that is proven, or a witness that refutes it, or "unknown".

- `comparer` (compare_schemas, Comparer: many schemas of one pair of documents), `comparison` (Comparison, Change),
  `rule` (RULES), `difference` (where two schemas differ), `judge` (`jsonschema`, which confirms witnesses), `bump`
- reading: `dialect`, `document` (references, never outside), `projection` (requests and responses), `lift` (schemas
  as terms), `term`
- proving: `solver`, with `branch`, `reduction`, `way`, `number`, `text`, `array`, `member` for each kind of value,
  `evaluate`, `regex`, `outcome`
"""

from catalog.compatibility.bump import Bump, schema_bump
from catalog.compatibility.comparer import Comparer, compare_schemas
from catalog.compatibility.comparison import Change, Comparison, Direction, Mode, Policy, Verdict
from catalog.compatibility.judge import schema_problems
from catalog.compatibility.rule import RULES, Rule

__all__ = [
    "RULES",
    "Bump",
    "Change",
    "Comparer",
    "Comparison",
    "Direction",
    "Mode",
    "Policy",
    "Rule",
    "Verdict",
    "compare_schemas",
    "schema_bump",
    "schema_problems",
]
