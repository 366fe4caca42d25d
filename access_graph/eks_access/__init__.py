"""Access analysis of an Amazon EKS cluster: the access graph, and the questions that it answers.

Importing this package imports neither boto3 nor a Kubernetes client nor Pulumi: a source imports what it reads with.
"""

from eks_access.errors import EksAccessError, SourceError, UsageError
from eks_access.graph import AccessGraph

__all__ = ["AccessGraph", "EksAccessError", "SourceError", "UsageError"]
