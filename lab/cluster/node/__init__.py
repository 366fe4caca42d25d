"""A node that runs the containers of pods as local processes, without Docker and without root.

`Node` registers itself with a real API server, binds pods to nodes, and runs the containers of the supported images. It
writes their status and events, serves `kubectl logs`, and gives pods what an EC2 instance gives them: IMDSv2 with the
node group's hop limit, and the EKS Pod Identity Agent.

Not supported: exec, attach and port-forward; probes and lifecycle hooks; resource limits; hostPath and disks; affinity.
"""

from __future__ import annotations

from .confinement import Confinement
from .node import Node
from .timing import Timing

__all__ = ["Confinement", "Node", "Timing"]
