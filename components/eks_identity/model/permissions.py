"""Permission policies of IAM roles: managed policies by ARN or AWS name, and inline policy documents."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from eks_identity.errors import Problem, Problems
from eks_identity.model import arns, limits, names
from eks_identity.model.partitions import Partition

_NAME = re.compile(r"[\w+=,.@-]+(/[\w+=,.@-]+)*", re.ASCII)
_VERSIONS = ("2012-10-17", "2008-10-17")
"""All versions of the IAM policy language."""
_VARIABLE = re.compile(r"\$\{[a-zA-Z0-9-]+:[^}]+\}")
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_COMMON_POLICIES = """
    AdministratorAccess AmazonAthenaFullAccess AmazonBedrockFullAccess AmazonBedrockLimitedAccess
    AmazonDynamoDBFullAccess AmazonDynamoDBReadOnlyAccess AmazonEC2ContainerRegistryPowerUser
    AmazonEC2ContainerRegistryPullOnly AmazonEC2ContainerRegistryReadOnly AmazonEC2FullAccess AmazonEC2ReadOnlyAccess
    AmazonEKSClusterPolicy AmazonEKSServicePolicy AmazonEKSVPCResourceController AmazonEKSWorkerNodePolicy
    AmazonEKS_CNI_Policy AmazonElastiCacheReadOnlyAccess AmazonElasticFileSystemClientReadWriteAccess
    AmazonElasticFileSystemFullAccess AmazonElasticFileSystemReadOnlyAccess AmazonEventBridgeFullAccess
    AmazonFSxFullAccess AmazonKinesisFullAccess AmazonKinesisReadOnlyAccess AmazonMSKReadOnlyAccess
    AmazonOpenSearchServiceReadOnlyAccess AmazonPrometheusQueryAccess AmazonPrometheusRemoteWriteAccess
    AmazonRDSDataFullAccess AmazonRDSReadOnlyAccess AmazonRoute53FullAccess AmazonRoute53ReadOnlyAccess
    AmazonS3FullAccess AmazonS3ReadOnlyAccess AmazonSESFullAccess AmazonSNSFullAccess AmazonSNSReadOnlyAccess
    AmazonSQSFullAccess AmazonSQSReadOnlyAccess AmazonSSMFullAccess AmazonSSMManagedInstanceCore
    AmazonSSMReadOnlyAccess AmazonVPCReadOnlyAccess AWSCertificateManagerReadOnly AWSKeyManagementServicePowerUser
    AWSLambda_ReadOnlyAccess AWSStepFunctionsFullAccess AWSXRayDaemonWriteAccess CloudWatchAgentServerPolicy
    CloudWatchFullAccess CloudWatchFullAccessV2 CloudWatchLogsFullAccess CloudWatchLogsReadOnlyAccess
    CloudWatchReadOnlyAccess ElasticLoadBalancingFullAccess ElasticLoadBalancingReadOnly IAMReadOnlyAccess
    job-function/ViewOnlyAccess PowerUserAccess ReadOnlyAccess SecretsManagerReadWrite SecurityAudit
    service-role/AmazonEBSCSIDriverPolicy service-role/AmazonEFSCSIDriverPolicy service-role/AWSLambdaRole
"""
_POLICY_BY_NAME = {name.rpartition("/")[2].lower(): name for name in _COMMON_POLICIES.split()}
"""AWS managed policies that pods often use, with their paths, by lower-case name. IAM decides whether one exists."""


def managed_policy(text: str, partition: Partition) -> str:
    """Return the ARN of a managed policy from its ARN, or from the name (and path) of an AWS managed policy.

    `AmazonS3ReadOnlyAccess` and `service-role/AmazonEBSCSIDriverPolicy` are names. Rejects ARNs of other partitions.
    """
    if ":" not in names.text(text):
        if not _NAME.fullmatch(text) or len(text.rpartition("/")[2]) > limits.POLICY_NAME:
            rule = "must be the ARN of a managed policy, or the name of an AWS managed policy (IAM)"
            raise names.invalid(rule, text, "write AmazonS3ReadOnlyAccess, or an ARN")
        return partition.arn("iam", f"policy/{text}", account="aws")
    arn = arns.policy_arn(text)
    policy_partition = arns.Arn.parse(arn).partition
    if policy_partition != partition:
        rule = f"must be a policy of the role's partition {partition.name} (IAM)"
        raise names.invalid(rule, text, f"change arn:{policy_partition.name} to arn:{partition.name}")
    return arn


def suggest_policy_name(name: str) -> str | None:
    """Return the AWS managed policy, with its path, that a misspelt `name` is closest to; None if none is close."""
    close = difflib.get_close_matches(name.rpartition("/")[2].lower(), _POLICY_BY_NAME, n=1, cutoff=0.8)
    return _POLICY_BY_NAME[close[0]] if close else None


def managed_policies(
    texts: Sequence[str], partition: Partition, *, limit: int = limits.MANAGED_POLICIES_OF_A_ROLE
) -> list[str]:
    """Return the ARNs of managed policies; raise `InvalidInput` for repeated policies and for more than `limit`."""
    policies: list[str] = []
    with Problems() as problems:
        for index, text in enumerate(texts):
            arn = problems.parse(f"[{index}]", managed_policy, text, partition)
            if arn is not None and any(arns.same_arn(arn, other) for other in policies):
                problems.add(f"[{index}]", "must be listed once", text, "remove the repeated policy")
            elif arn is not None:
                policies.append(arn)
        problems.extend(managed_policy_quota_problems(len(texts), limit))
    return policies


def managed_policy_quota_problems(count: int, limit: int = limits.MANAGED_POLICIES_OF_A_ROLE) -> list[Problem]:
    """Return the problem of a role with `count` managed policies, if they are more than `limit`."""
    if count <= limit:
        return []
    rule = f"must have at most {limit} managed policies for one role (IAM quota)"
    fix = "merge policies, or use a second role"
    if count <= limits.MANAGED_POLICIES_RAISED:
        fix += "; if AWS raised the account's quota, set raised_quotas to True"
    return [Problem("", rule, f"{count} policies", fix)]


def inline_policy(document: str | Mapping[str, Any]) -> str:
    """Return a policy document as compact JSON, from JSON or a mapping; raise `InvalidInput` for other values."""
    if isinstance(document, str):
        try:
            content = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise names.invalid(f"must be JSON: {error}", document, "use json.dumps") from None
    else:
        content = document
    if not isinstance(content, Mapping) or not content.get("Statement"):
        rule = "must be a policy document with Version and Statement (IAM)"
        raise names.invalid(rule, document, 'add "Statement": […]')
    if (version := content.get("Version", _VERSIONS[0])) not in _VERSIONS:
        rule = f"must have Version {_VERSIONS[0]}, a version of the policy language (IAM)"
        raise names.invalid(rule, version, f"write {_VERSIONS[0]}")
    if "Version" not in content or content["Version"] != _VERSIONS[0]:
        text = json.dumps(content)
        if variable := _VARIABLE.search(text):
            rule = f"must have Version {_VERSIONS[0]}: IAM replaces policy variables only there"
            fix = f'add "Version": "{_VERSIONS[0]}" to the document'
            raise names.invalid(rule, variable[0], fix)
    statements = content["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if isinstance(statement, Mapping) and (named := statement.keys() & {"Principal", "NotPrincipal"}):
            rule = "must not name a principal: a policy of a role applies to the role itself (IAM)"
            elements = {key: statement[key] for key in named}
            raise names.invalid(rule, elements, f"remove {' and '.join(named)}")
    return json.dumps(content, separators=(",", ":"))


def inline_policies(documents: Mapping[str, str | Mapping[str, Any]]) -> dict[str, str]:
    """Return each document as compact JSON, by policy name; raise `InvalidInput` if together they exceed the quota."""
    compact: dict[str, str] = {}
    with Problems() as problems:
        for name, document in documents.items():
            if not _POLICY_NAME.fullmatch(name):
                rule = "must have 1 to 128 letters, digits and _+=,.@- (IAM policy name)"
                problems.add(name, rule, name, "rename the policy")
            text = problems.parse(name, inline_policy, document)
            if text is not None:
                compact[name] = text
        problems.extend(inline_policy_quota_problems(compact))
    return compact


def inline_policy_quota_problems(documents: Mapping[str, str]) -> list[Problem]:
    """Return the problem of a role's inline policies, compact JSON by name, if they exceed IAM's quota together."""
    size = sum(len(text) for text in documents.values())
    if size <= limits.INLINE_POLICIES:
        return []
    rule = f"must have at most {limits.INLINE_POLICIES} characters in all inline policies of a role together (IAM)"
    shown = ", ".join(f"{name} {len(text)}" for name, text in documents.items())
    fix = (
        f"move statements into managed policies of at most {limits.MANAGED_POLICY} characters each, and pass their "
        "ARNs in policies"
    )
    return [Problem("", rule, f"{size} characters: {shown}", fix)]
