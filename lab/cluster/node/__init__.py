"""A node: what the kubelet is to EKS, with a pod's containers as local processes. No Docker, no root.

`Node` registers itself with a real API server, binds pods to nodes, runs the containers of the images it knows,
writes their status and events, serves `kubectl logs`, and gives pods what an EC2 instance gives them: IMDSv2 with the
node group's hop limit, and the Pod Identity agent.

Not there: exec, attach and port-forward; probes and lifecycle hooks; resource limits; hostPath and disks; affinity.
"""

from __future__ import annotations

from .node import Node
from .timing import Timing

__all__ = ["Node", "Timing"]
