"""Reading the files of a workspace, kind by kind; what belongs together is checked in `catalog.consistency`.

file       the files of one loading, and what was found wrong in them
schema     canonical schemas
contract   contracts and their versions
network    entities, systems, bindings, consumers
policy     policies
figure     SLOs and measures
waiver     changes let through on purpose
workspace  one loading of the whole
"""

from catalog.loading.network import binding_name
from catalog.loading.policy import named_files
from catalog.loading.workspace import Loader

__all__ = ["Loader", "binding_name", "named_files"]
