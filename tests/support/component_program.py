"""The cluster that the tests of components declare things on, and how they run a program: `eks_identity.testing`."""

from collections.abc import Callable
from typing import Any

from eks_identity import testing
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.testing import Deployment, PluginError, RegisteredResource

__all__ = [
    "Cloud",
    "Deployment",
    "PluginError",
    "RegisteredResource",
    "cluster_facts",
    "deploy",
    "kubeconfig",
    "provider_arn",
]

ACCOUNT = "111122223333"
REGION = "ap-northeast-1"
ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"


def provider_arn(partition: str = "aws", issuer: str = ISSUER) -> str:
    return f"arn:{partition}:iam::{ACCOUNT}:oidc-provider/{issuer.removeprefix('https://')}"


def cluster_facts(partition: str = "aws", region: str = REGION, mode: str = "API_AND_CONFIG_MAP") -> dict[str, Any]:
    """Return the response of DescribeCluster in the form of the aws plugin's getCluster."""
    return {
        "name": "eks-clu",
        "arn": f"arn:{partition}:eks:{region}:{ACCOUNT}:cluster/eks-clu",
        "endpoint": "https://example.gr7.ap-northeast-1.eks.amazonaws.com",
        "certificateAuthorities": [{"data": "Y2VydGlmaWNhdGU="}],
        "identities": [{"oidcs": [{"issuer": ISSUER}]}],
        "accessConfigs": [{"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": True}],
        "region": region,
        "id": "eks-clu",
    }


class Cloud(testing.Cloud):
    """One cluster, `eks-clu`, whose every value the tests know."""

    def __init__(self, *, region: str = REGION, **invokes: Any) -> None:
        super().__init__(account=ACCOUNT, region=region, **{"getCluster": cluster_facts(), **invokes})


def deploy(program: Callable[[], Any], *, preview: bool = False, cloud: testing.Cloud | None = None) -> Deployment:
    return testing.deploy(program, preview=preview, cloud=cloud or Cloud(), project="shop", stack="dev")


def kubeconfig(server: str = "https://example.gr7.ap-northeast-1.eks.amazonaws.com") -> str:
    return kubeconfigs.dumps(
        kubeconfigs.kubeconfig(
            cluster_arn=f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu",
            cluster_name="eks-clu",
            endpoint=server,
            certificate_authority="Y2VydGlmaWNhdGU=",
            region=REGION,
        )
    )
