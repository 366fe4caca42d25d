"""The partitions of AWS: the few strings that differ between them, so that nobody writes `arn:aws:` by hand."""

from __future__ import annotations

from dataclasses import dataclass

from eks_identity.errors import InvalidInput, Problem


@dataclass(frozen=True)
class Partition:
    """One partition and what is spelt differently there.

    Source: botocore's `partitions.json`.
    """

    name: str
    """The second field of every ARN."""
    dns_suffix: str
    """What the host names of its services end in; the issuer of an EKS cluster is one."""
    region_prefixes: tuple[str, ...] = ()
    """What the names of its regions begin with; none: every region that no other partition claims."""

    @property
    def sts_audience(self) -> str:
        """The `aud` of tokens that pods trade for a role. It names a service, not a host: the pod identity webhook of
        EKS asks for `sts.amazonaws.com` in every partition, China too (where peers once wrote `.cn` and were refused).
        """
        return "sts.amazonaws.com"

    def issuer_host(self, region: str) -> str:
        """The host of the OIDC issuers of EKS clusters in `region`."""
        return f"oidc.eks.{region}.{self.dns_suffix}"

    def arn(self, service: str, resource: str, *, region: str = "", account: str = "") -> str:
        """An ARN in this partition."""
        return f"arn:{self.name}:{service}:{region}:{account}:{resource}"


AWS = Partition("aws", "amazonaws.com")
CHINA = Partition("aws-cn", "amazonaws.com.cn", ("cn-",))
GOV_CLOUD = Partition("aws-us-gov", "amazonaws.com", ("us-gov-",))

PARTITIONS = {partition.name: partition for partition in (AWS, CHINA, GOV_CLOUD)}


def partition(name: str) -> Partition:
    """The partition called `name`; refuses one that EKS identity is not known to work in."""
    found = PARTITIONS.get(name) if isinstance(name, str) else None
    if found is None:
        known = ", ".join(PARTITIONS)
        raise InvalidInput(
            [Problem("partition", f"one of {known}", name, "write aws, or aws-cn in China, or aws-us-gov in GovCloud")]
        )
    return found


def partition_of_region(region: str) -> Partition:
    """The partition that `region` belongs to."""
    for candidate in PARTITIONS.values():
        if region.startswith(candidate.region_prefixes):
            return candidate
    return AWS
