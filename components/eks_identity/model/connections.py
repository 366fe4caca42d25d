"""What a cluster's connection says, each value by itself and all of them together.

A connection may be written out by hand, or come from another stack: one value of another cluster among the ten, and
roles would trust tokens that this cluster never issues.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import arns, kubeconfig, names, partitions
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Issuer
from eks_identity.model.partitions import Partition

_URL = re.compile(r"https://[A-Za-z0-9\[][^\s/?#]*/?")


def endpoint(url: str) -> str:
    """The URL of an API server."""
    if not _URL.fullmatch(names.text(url)):
        rule = "the https URL of the API server, without a path"
        fix = "take it from `aws eks describe-cluster --name NAME --query cluster.endpoint`"
        raise InvalidInput([Problem("", rule, url, fix)])
    return url


def certificate_authority(data: str) -> str:
    """A certificate, as DescribeCluster gives it."""
    try:
        found = base64.b64decode(names.text(data), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        fix = "take it from `aws eks describe-cluster --name NAME --query cluster.certificateAuthority.data`"
        raise InvalidInput([Problem("", "base64, and not empty", data, fix)])
    return data


def arn(text: str) -> Arn:
    """Return the parsed ARN of an EKS cluster."""
    return Arn.parse(arns.cluster_arn(text))


def partition(name: str) -> Partition:
    """The partition, refused under the name that it has in a connection."""
    try:
        return partitions.partition(name)
    except InvalidInput as refusal:
        raise InvalidInput(replace(problem, input="") for problem in refusal.problems) from None


CHECKS: Mapping[str, Callable[[str], Any]] = {
    "name": names.cluster_name,
    "arn": arn,
    "endpoint": endpoint,
    "certificate_authority": certificate_authority,
    "issuer": Issuer.parse,
    "region": names.region,
    "account_id": names.account_id,
    "partition": partition,
    "authentication_mode": AuthenticationMode.parse,
    "kubeconfig": kubeconfig.usable,
}
"""What checks each value of a connection."""
IN_THE_ARN = ("arn", "name", "region", "account_id", "partition")
"""The values that the ARN says too."""


def require_one_cluster(known: Mapping[str, Any]) -> None:
    """Refuses values that are those of another cluster than the ARN's. Those that are left out are not looked at."""
    cluster = Arn.parse(known["arn"])
    said = {
        "name": cluster.resource.partition("/")[2],
        "region": cluster.region,
        "account_id": cluster.account,
        "partition": cluster.partition.name,
    }
    with Problems() as problems:
        for field, value in said.items():
            if known.get(field, value) != value:
                rule = f"the same cluster's as arn, which says {value}"
                problems.add(field, rule, known[field], "give Cluster.connection, or all values of one cluster")


def arn_of_cluster(known: Mapping[str, Any]) -> str:
    """`arn`, refused where it is not that of the cluster `name` in `region`."""
    cluster = Arn.parse(known["arn"])
    if (cluster.resource.partition("/")[2], cluster.region) != (known["name"], known["region"]):
        rule = f"the ARN of EKS cluster {known['name']} in {known['region']}"
        raise InvalidInput([Problem("", rule, known["arn"], "give Cluster.arn, name and region of one cluster")])
    return str(known["arn"])
