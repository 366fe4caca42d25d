"""Names of policies that AWS manages and pods mostly get: what a misspelt one is likely to have meant.

Only for that: which policies there are, IAM says.
"""

from __future__ import annotations

import difflib

_COMMON = """
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
_BARE = {name.rpartition("/")[2].lower(): name for name in _COMMON.split()}


def near(name: str) -> str | None:
    """The common name that `name`, path included, is nearest to; one that lacks its path is found too."""
    found = difflib.get_close_matches(name.rpartition("/")[2].lower(), _BARE, n=1, cutoff=0.8)
    return _BARE[found[0]] if found else None
