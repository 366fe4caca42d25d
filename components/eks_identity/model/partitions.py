"""The partitions of AWS, and the strings that differ between them, such as the prefix of ARNs."""

from __future__ import annotations

from dataclasses import dataclass

from eks_identity.errors import InvalidInput, Problem


@dataclass(frozen=True)
class Partition:
    """A partition of AWS.

    Source: botocore's `partitions.json`.
    """

    name: str
    """The second field of every ARN."""
    dns_suffix: str
    """Suffix of the host names of its services, and of the issuers of EKS clusters."""
    region_prefixes: tuple[str, ...] = ()
    """Prefixes of its regions; empty: every region that has no prefix of another partition."""

    @property
    def sts_audience(self) -> str:
        """Default `aud` of tokens for IRSA. It names a service, not a host: the pod identity webhook of EKS requests
        tokens for `sts.amazonaws.com` in every partition. In China, STS rejects an audience that ends in `.cn`.
        """
        return "sts.amazonaws.com"

    def issuer_host(self, region: str) -> str:
        """Return the host of the OIDC issuers of EKS clusters in `region`."""
        return f"oidc.eks.{region}.{self.dns_suffix}"

    def arn(self, service: str, resource: str, *, region: str = "", account: str = "") -> str:
        """Return an ARN in this partition."""
        return f"arn:{self.name}:{service}:{region}:{account}:{resource}"


AWS = Partition("aws", "amazonaws.com")
CHINA = Partition("aws-cn", "amazonaws.com.cn", ("cn-",))
GOV_CLOUD = Partition("aws-us-gov", "amazonaws.com", ("us-gov-",))

PARTITIONS = {partition.name: partition for partition in (AWS, CHINA, GOV_CLOUD)}


def partition(name: str) -> Partition:
    """Return the partition called `name`; raise `InvalidInput` for a partition that the library does not support."""
    known_partition = PARTITIONS.get(name) if isinstance(name, str) else None
    if known_partition is None:
        rule = f"must be one of {', '.join(PARTITIONS)}"
        fix = "write aws, or aws-cn in China, or aws-us-gov in GovCloud"
        raise InvalidInput([Problem("partition", rule, name, fix)])
    return known_partition


def partition_of_region(region: str) -> Partition:
    """Return the partition of a region."""
    for candidate in PARTITIONS.values():
        if region.startswith(candidate.region_prefixes):
            return candidate
    return AWS
