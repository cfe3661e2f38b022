"""`waybill doctor`: what this machine, a workspace and its installation need, and what is wrong.

check      one thing looked at: good, to be minded, or wrong with its remedy
machine    Python, packages, disk
local      the workspace's files, their secrets, ports of what runs here, keys of token issuers
remote     the control plane: itself, its database, the token, gateways, keys that end
command    all of them, one after the other
"""

from controlplane.cli.doctor.command import doctor

__all__ = ["doctor"]
