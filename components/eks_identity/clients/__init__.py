"""The library's own calls to AWS and to clusters, where no Pulumi resource makes them.

Names are imported at first use: boto3 and lightkube take a second to import, and a program that only declares resources
needs neither.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eks_identity.clients.aws_auth import AwsAuthConfigMap
    from eks_identity.clients.eks_api import EksApi
    from eks_identity.clients.eks_api import IamLookup as IamLookup
    from eks_identity.clients.kubernetes_api import CLIENT_ERRORS as CLIENT_ERRORS
    from eks_identity.clients.kubernetes_api import cluster_error as cluster_error
    from eks_identity.clients.kubernetes_api import get_caller as get_caller
    from eks_identity.clients.kubernetes_api import is_caller_allowed as is_caller_allowed
    from eks_identity.clients.kubernetes_api import read_cluster_rbac as read_cluster_rbac
    from eks_identity.clients.kubernetes_api import read_namespaced_rbac as read_namespaced_rbac
else:

    def __getattr__(name: str) -> Any:
        """Return a name of a module of this package. Tests may replace names in those modules: nothing is cached."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "AwsAuthConfigMap":
            from eks_identity.clients import aws_auth  # noqa: PLC0415 - imports lightkube

            return aws_auth.AwsAuthConfigMap
        if name in {"EksApi", "IamLookup"}:
            from eks_identity.clients import eks_api  # noqa: PLC0415 - imports boto3

            return eks_api.EksApi if name == "EksApi" else eks_api.IamLookup
        from eks_identity.clients import kubernetes_api  # noqa: PLC0415 - imports lightkube

        exports = {
            "CLIENT_ERRORS": kubernetes_api.CLIENT_ERRORS,
            "cluster_error": kubernetes_api.cluster_error,
            "get_caller": kubernetes_api.get_caller,
            "is_caller_allowed": kubernetes_api.is_caller_allowed,
            "read_cluster_rbac": kubernetes_api.read_cluster_rbac,
            "read_namespaced_rbac": kubernetes_api.read_namespaced_rbac,
        }
        return exports[name]


__all__ = [
    "CLIENT_ERRORS",
    "AwsAuthConfigMap",
    "EksApi",
    "IamLookup",
    "cluster_error",
    "get_caller",
    "is_caller_allowed",
    "read_cluster_rbac",
    "read_namespaced_rbac",
]
