"""The connection of a cluster, which other components take as `cluster`, parsed once for a program.

This module imports no SDK of a cloud: a program that writes out the connection of a cluster of another stack does not
wait for the imports of `Cluster`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypedDict

import pulumi

from eks_identity.errors import Problem, Problems
from eks_identity.model import arns, connections, names
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Issuer
from eks_identity.model.partitions import AWS, PARTITIONS, Partition
from eks_identity.runtime.inputs import INVALID, Inputs, is_plain
from eks_identity.runtime.outputs import memoize_on_output

PARTITION = "partition"
MODE = "authentication_mode"


class ClusterConnection(TypedDict):
    """Values of a cluster that components need: `Cluster.connection`, or a dict for a cluster of another stack."""

    name: pulumi.Input[str]
    """The cluster's name in EKS. It must not be a secret: ids and ARNs of the cluster's resources have it, and Pulumi
    stores both in plain text. `pulumi.Output.unsecret(…)` returns the name of a connection that is a secret."""
    arn: pulumi.Input[str]
    """The cluster's ARN."""
    endpoint: pulumi.Input[str]
    """The URL of the API server."""
    certificate_authority: pulumi.Input[str]
    """Base64, as DescribeCluster returns it."""
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
    """JSON or YAML. Its user must be able to read and write the declared objects. A kubernetes provider of another
    cluster is rejected."""


class HasConnection(Protocol):
    """A `Cluster`: this module does not import the class, whose SDKs are slow to import."""

    @property
    def connection(self) -> ClusterConnection:
        """The cluster's connection."""

    @property
    def provider(self) -> pulumi.ProviderResource:
        """The cluster's kubernetes provider."""


ClusterInput = ClusterConnection | HasConnection
"""Types that a component accepts as `cluster`: a `Cluster`, or the connection of a cluster of another stack."""


def connection_of(cluster: ClusterInput) -> ClusterConnection:
    """Return the connection of a `cluster` input."""
    return cluster if isinstance(cluster, dict) else cluster.connection


@dataclass(frozen=True)
class Connection:
    """The parsed values of a connection that components compare their own inputs with."""

    name: pulumi.Input[str]
    arn: pulumi.Input[Arn]
    issuer: pulumi.Input[Issuer]
    region: pulumi.Input[str]
    account_id: pulumi.Input[str]
    partition: pulumi.Input[Partition]
    authentication_mode: pulumi.Input[AuthenticationMode]


def parse_connection(inputs: Inputs, cluster: ClusterConnection) -> Connection:
    """Parse a cluster's connection. Problems of plain values are added to `inputs`; each Output is parsed once."""
    values: Mapping[str, Any] = cluster
    plain = {field: value for field, value in values.items() if is_plain(value)}
    problems = _problems(tuple(plain.items()))
    inputs.reject(*(problem.with_prefix("cluster") for problem in problems))
    outputs = {field: _parse_output(inputs, field, value) for field, value in values.items() if field not in plain}
    if any(field in outputs and _is_first(values[field], "one cluster") for field in connections.ARN_FIELDS):
        together = {field: values[field] for field in connections.ARN_FIELDS}
        inputs.parse("cluster", together, connections.require_same_cluster)
    partition = outputs.get(PARTITION) or inputs.parse(
        f"cluster.{PARTITION}", values[PARTITION], connections.PARSERS[PARTITION]
    )
    parsed = {
        field: outputs.get(field) or (INVALID if problems else _parse_plain(field, plain[field]))
        for field in ("name", "arn", "issuer", "region", "account_id", MODE)
    }
    return Connection(partition=partition, **parsed)


def _parse_output(inputs: Inputs, field: str, value: Any) -> Any:
    def parse(output: Any) -> Any:
        return inputs.parse(f"cluster.{field}", output, connections.PARSERS[field], public=field == "name")

    # A thousand components may have the same Output: the first one's error names it.
    return memoize_on_output(value, f"cluster.{field}", parse) if isinstance(value, pulumi.Output) else parse(value)


def _is_first(value: Any, what: str) -> bool:
    """Return whether this is the first call for this very Output."""
    first: list[bool] = []
    if isinstance(value, pulumi.Output):
        memoize_on_output(value, what, lambda _: first.append(True))
        return bool(first)
    return True


def parse_location(inputs: Inputs, args: Mapping[str, Any]) -> dict[str, Any]:
    """Return `cluster_name`, `region` and `cluster_arn` (None if omitted) of args, which must be of one cluster."""
    name = inputs.parse("cluster_name", args["cluster_name"], names.cluster_name)
    region = inputs.parse("region", args["region"], names.region)
    if "cluster_arn" not in args:
        return {"cluster_name": name, "region": region, "cluster_arn": None}
    arn = inputs.parse("cluster_arn", args["cluster_arn"], arns.cluster_arn)
    together = {"name": name, "region": region, "arn": arn}
    return {
        "cluster_name": name,
        "region": region,
        "cluster_arn": inputs.parse("cluster_arn", together, connections.require_cluster_arn),
    }


@lru_cache(maxsize=64)
def _problems(plain: tuple[tuple[str, str], ...]) -> tuple[Problem, ...]:
    """Return the problems of the plain values of a connection, except for the partition's own."""
    problems = Problems()
    for field, value in plain:
        if field != PARTITION:
            problems.parse(field, connections.PARSERS[field], value)
    in_the_arn = {field: value for field, value in plain if field in connections.ARN_FIELDS}
    if not problems.items and "arn" in in_the_arn and in_the_arn.get(PARTITION, AWS.name) in PARTITIONS:
        problems.parse("", connections.require_same_cluster, in_the_arn)
    return tuple(problems.items)


@lru_cache(maxsize=256)
def _parse_plain(field: str, text: str) -> Any:
    return connections.PARSERS[field](text)
