"""What a check found, written for the tools that show it: neutral items in, text out, no command known.

item         one finding, and one rule
sarif        SARIF 2.1.0, for code scanning
junit        JUnit XML, for test reports
markdown     a table, for comments on a change
"""

from controlplane.cli.report.item import Item, Level, RuleText, Suppression, ordered
from controlplane.cli.report.junit import junit
from controlplane.cli.report.markdown import cell, markdown
from controlplane.cli.report.sarif import sarif

__all__ = ["Item", "Level", "RuleText", "Suppression", "cell", "junit", "markdown", "ordered", "sarif"]
