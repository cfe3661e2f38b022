"""Two versions of a contract compared: what changed, whom it breaks, and the least version bump that it asks for.

`compare.compare_contracts` is the way in. `normal` brings documents into one form, `side` holds both versions;
`openapi` and `asyncapi` find operations, `parameter`, `body`, `answer`, `security`, `meaning` compare what they
declare and write into the `ledger`, schemas as positions. `position` judges these by `catalog.compatibility.Comparer`,
`pair`, `facet` and `node` name what changed in them. `rule/` is the law as data, `change` what comes out.
"""

from __future__ import annotations

from catalog.compatibility.contract.change import Change, ContractComparison, minimum_bump, shifted
from catalog.compatibility.contract.compare import compare_contracts
from catalog.compatibility.contract.rule import RULES, Bump, Direction, Rule, Severity

__all__ = [
    "RULES",
    "Bump",
    "Change",
    "ContractComparison",
    "Direction",
    "Rule",
    "Severity",
    "compare_contracts",
    "minimum_bump",
    "shifted",
]
