"""What other components need of a cluster, checked once: a thousand of them may have been given the same one.

Apart from `Cluster`, whose SDKs take seconds to import: who has the connection written out needs none of them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypedDict

import pulumi

from eks_identity.errors import Problem, Problems
from eks_identity.model import arns, connections, names
from eks_identity.model.partitions import AWS, PARTITIONS, Partition
from eks_identity.runtime.inputs import Inputs, is_plain

PARTITION = "partition"
_CHECKED = "_eks_identity_checked"


class ClusterConnection(TypedDict):
    """What other components need of a cluster; `Cluster.connection`, or written out for a cluster of another stack."""

    name: pulumi.Input[str]
    """The cluster's name in EKS."""
    arn: pulumi.Input[str]
    """The cluster's ARN."""
    endpoint: pulumi.Input[str]
    """The URL of the API server."""
    certificate_authority: pulumi.Input[str]
    """Base64, as DescribeCluster gives it."""
    issuer: pulumi.Input[str]
    """`https://oidc.eks.<region>.amazonaws.com/id/<ID>`"""
    region: pulumi.Input[str]
    """Such as `ap-northeast-1`. Resources of the cluster are created there, whatever region the aws provider has."""
    account_id: pulumi.Input[str]
    """Twelve digits, as a string. An aws provider of another account is rejected."""
    partition: pulumi.Input[str]
    """`aws`, `aws-cn` or `aws-us-gov`."""
    authentication_mode: pulumi.Input[str]
    """`CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`."""
    kubeconfig: pulumi.Input[str]
    """JSON or YAML; its user may read and write what is declared. A kubernetes provider of another cluster is
    rejected."""


def require(inputs: Inputs, cluster: ClusterConnection) -> pulumi.Input[Partition]:
    """The cluster's partition. Plain values are refused with the component's own, each Output once in a program."""
    given: Mapping[str, Any] = cluster
    plain = {field: value for field, value in given.items() if is_plain(value)}
    inputs.require(*(problem.under("cluster") for problem in _problems(tuple(plain.items()))))
    late = {field: value for field, value in given.items() if field not in plain and _is_new(value)}
    for field, value in late.items():
        if field != PARTITION:
            inputs.later(value, connections.CHECKS[field], f"cluster.{field}")
    if not late.keys().isdisjoint(connections.IN_THE_ARN):
        together = {field: given[field] for field in connections.IN_THE_ARN}
        inputs.later(together, connections.require_one_cluster, "cluster")
    return inputs.take(f"cluster.{PARTITION}", given[PARTITION], connections.CHECKS[PARTITION])


def place(inputs: Inputs, args: Mapping[str, Any]) -> dict[str, Any]:
    """`cluster_name`, `region` and `cluster_arn` (None where it was not given) of args, which fit each other."""
    found = {
        "cluster_name": inputs.take("cluster_name", args["cluster_name"], names.cluster_name),
        "region": inputs.take("region", args["region"], names.region),
    }
    if "cluster_arn" not in args:
        return {**found, "cluster_arn": None}
    arn = inputs.take("cluster_arn", args["cluster_arn"], arns.cluster_arn)
    said = {"name": found["cluster_name"], "region": found["region"], "arn": arn}
    return {**found, "cluster_arn": inputs.once_known(said, connections.arn_of_cluster, "cluster_arn")}


@lru_cache(maxsize=64)
def _problems(plain: tuple[tuple[str, str], ...]) -> tuple[Problem, ...]:
    """What is wrong with these values of a connection, but for the partition's own."""
    problems = Problems()
    for field, value in plain:
        if field != PARTITION:
            problems.parse(field, connections.CHECKS[field], value)
    known = {field: value for field, value in plain if field in connections.IN_THE_ARN}
    if not problems.found and "arn" in known and known.get(PARTITION, AWS.name) in PARTITIONS:
        problems.parse("", connections.require_one_cluster, known)
    return tuple(problems.found)


def _is_new(value: Any) -> bool:
    """Whether this very Output was not checked before."""
    if not isinstance(value, pulumi.Output):
        return True
    own = vars(value)
    seen = own.setdefault(_CHECKED, False)
    own[_CHECKED] = True
    return not seen
