"""The access graph: typed objects of AWS and Kubernetes, and the edges between them that equal strings make."""

from eks_access.graph.access_graph import AccessGraph

__all__ = ["AccessGraph"]
