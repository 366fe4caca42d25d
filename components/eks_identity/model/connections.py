"""Validation of a cluster's connection: each value, and their consistency.

A connection may be written by hand, or come from another stack. With one value of another cluster, roles would trust
tokens that this cluster never issues.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from eks_identity.errors import InvalidInput, Problems
from eks_identity.model import arns, kubeconfig, names, partitions
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Issuer
from eks_identity.model.partitions import Partition

_URL = re.compile(r"https://[A-Za-z0-9\[][^\s/?#]*/?")


def endpoint(url: str) -> str:
    """Return the endpoint of an API server, an https URL."""
    if not _URL.fullmatch(names.text(url)):
        rule = "must be the https URL of the API server, without a path"
        fix = "write what `aws eks describe-cluster --name NAME --query cluster.endpoint` prints"
        raise names.invalid(rule, url, fix)
    return url


def certificate_authority(data: str) -> str:
    """Return a certificate authority in base64, as DescribeCluster returns it."""
    try:
        certificate = base64.b64decode(names.text(data), validate=True)
    except (binascii.Error, ValueError):
        certificate = b""
    if not certificate:
        fix = "write what `aws eks describe-cluster --name NAME --query cluster.certificateAuthority.data` prints"
        raise names.invalid("must be base64 and not empty", data, fix)
    return data


def arn(text: str) -> Arn:
    """Return the parsed ARN of an EKS cluster."""
    return Arn.parse(arns.cluster_arn(text))


def partition(name: str) -> Partition:
    """Return the partition of a connection's value."""
    try:
        return partitions.partition(name)
    except InvalidInput as error:
        raise InvalidInput(replace(problem, input="") for problem in error.problems) from None


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "name": names.cluster_name,
    "arn": arn,
    "endpoint": endpoint,
    "certificate_authority": certificate_authority,
    "issuer": Issuer.parse,
    "region": names.region,
    "account_id": names.account_id,
    "partition": partition,
    "authentication_mode": AuthenticationMode.parse,
    "kubeconfig": kubeconfig.require_usable,
}
"""The parser of each value of a connection."""
ARN_FIELDS = ("arn", "name", "region", "account_id", "partition")
"""The values that the ARN contains too."""


def require_same_cluster(connection: Mapping[str, Any]) -> None:
    """Raise `InvalidInput` for values that differ from the ARN's. Omitted values are not compared."""
    arn = arns.Arn.parse(connection["arn"])
    arn_values = {
        "name": arn.resource.partition("/")[2],
        "region": arn.region,
        "account_id": arn.account,
        "partition": arn.partition.name,
    }
    with Problems() as problems:
        for field, value in arn_values.items():
            if connection.get(field, value) != value:
                rule = f"must be {value}, as in arn"
                problems.add(field, rule, connection[field], "pass Cluster.connection, or all values of one cluster")


def require_cluster_arn(connection: Mapping[str, Any]) -> str:
    """Return `arn`; raise `InvalidInput` if it is not the ARN of the cluster `name` in `region`."""
    arn = arns.Arn.parse(connection["arn"])
    if (arn.resource.partition("/")[2], arn.region) != (connection["name"], connection["region"]):
        rule = f"must be the ARN of EKS cluster {connection['name']} in {connection['region']}"
        raise names.invalid(rule, connection["arn"], "pass Cluster.arn, name and region of one cluster")
    return str(connection["arn"])
