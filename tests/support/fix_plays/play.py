"""A fix of a validation error as a test plays it: wrong arguments, and the same after the fix was followed."""

from dataclasses import dataclass, field
from typing import Any

from support.component_program import ACCOUNT, ISSUER, REGION, kubeconfig, provider_arn
from support.sample_args import CONNECTION, SUBJECT, WORKLOAD, role_arn

REMOVE = object()
"""In place of a value: the argument is left out."""
USER = f"arn:aws:iam::{ACCOUNT}:user/ope"
OTHER = "444455556666"
BASE: dict[str, dict[str, Any]] = {
    "AccessEntry": {
        "cluster_name": "eks-clu",
        "region": REGION,
        "cluster_arn": CONNECTION["arn"],
        "principal_arn": USER,
    },
    "Addon": {"cluster": CONNECTION, "addon_name": "aws-ebs-csi-driver"},
    "AuthenticationModeMigration": {"cluster": CONNECTION, "target_mode": "API"},
    "AwsAuthMapping": {"kubeconfig": kubeconfig(), "arn": USER, "groups": ["operators"]},
    "ChainedRole": {"trusted_role_arns": [role_arn("cart")]},
    "Cluster": {"name": "eks-clu"},
    "ClusterAccess": {
        "cluster": CONNECTION,
        "group": "operators",
        "rbac_roles": [{"name": "view"}],
        "principals": [{"arn": USER}],
    },
    "IrsaRole": {"oidc_provider_arns": [provider_arn()], "subjects": [SUBJECT]},
    "NodeIsolation": {},
    "OidcProvider": {"issuer": ISSUER},
    "PipelineRole": {
        "oidc_provider_arn": provider_arn(issuer="https://token.actions.githubusercontent.com"),
        "github_jobs": [{"repository": "octo-org/clusters", "branch": "main"}],
    },
    "PodIdentityRole": {},
    "ServiceAccount": dict(SUBJECT),
    "WorkloadIdentity": {**WORKLOAD, "oidc_provider_arn": provider_arn()},
}


@dataclass(frozen=True)
class Play:
    """One fix: the args that produce it, and the args that follow it."""

    component: str
    fix: str
    """The beginning of the fix."""
    wrong: dict[str, Any]
    right: dict[str, Any]
    cloud: dict[str, Any] = field(default_factory=dict)
    """Responses of AWS, by function."""
    changed_cloud: dict[str, Any] = field(default_factory=dict)
    """Responses that a fix in AWS changes, by function."""
    instead: str = ""
    """The component that the fix declares in place of this one."""

    def __str__(self) -> str:
        return f"{self.component}-{self.fix[:40]}"


def arguments(component: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the usual arguments of a component with changes. A function in place of a value returns an Output."""
    values = {**BASE[component], **changes}
    return {key: value() if callable(value) else value for key, value in values.items() if value is not REMOVE}


def connection(**other: Any) -> dict[str, Any]:
    return {"cluster": {**CONNECTION, **other}}


def caller_of(account: str) -> dict[str, Any]:
    """Return the response of AWS for an aws provider of `account`."""
    return {"getCallerIdentity": {"id": account, "accountId": account, "arn": f"arn:aws:iam::{account}:user/ci"}}
