"""AWS's host names: the service, region and partition that a host name belongs to.

    <service>.<region>.<suffix>                     eks.ap-northeast-1.amazonaws.com
    <service>.<suffix>                              iam.amazonaws.com, the global endpoint
    <prefix>.<service>.<region>.<suffix>            my.bucket.s3.ap-northeast-1.amazonaws.com
    <region>.<service>.<suffix>                     ap-northeast-1.queue.amazonaws.com, as the AWS CLI calls SQS

Service names are those that moto serves, and EKS's own. Regions and suffixes are those of botocore's partitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import botocore.loaders
from moto.backend_index import backend_url_patterns
from moto.core.utils import get_service_model

_SUFFIXES = {
    "api.amazonwebservices.com.cn": ("aws-cn",),
    "amazonaws.com.cn": ("aws-cn",),
    "amazonaws.com": ("aws", "aws-us-gov"),
    "api.aws": ("aws", "aws-us-gov"),
}
"""Partitions by suffix, the longest suffix first."""
_GLOBAL_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_GLOBAL_GOV = "us-gov"
"""Label of the global endpoints of the partition aws-us-gov, such as `iam.us-gov.amazonaws.com`."""
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]+")
_LEGACY_S3 = re.compile(r"s3[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])")
_MAX_LENGTH = 253
_MOTO_NAME = re.compile(r"https\?://(?P<name>[a-z0-9-]+(?:\\\.[a-z0-9-]+)*?)\\\.(?:\(|\[|amazonaws|api)")
"""The beginning of a pattern of moto that has one service name."""
_NAMES = {
    "eks-auth": "eks",
    "oidc.eks": "eks",
    "resource-groups": "resourcegroups",
    "route53": "route53",
    "servicediscovery": "servicediscovery",
    "datasync": "datasync",
    "sqs": "sqs",
    "queue": "sqs",
}
"""Names of services in other patterns of moto, and moto's backends."""
_PREFIXED_NAMES = {"s3": "s3", "s3-control": "s3control", "execute-api": "execute-api", "appsync-api": "appsync"}
"""Names that follow other labels: of a bucket, an account or an API."""
_SIGNING_NAMES = {"models-v2-lex": "lex", "metering.marketplace": "aws-marketplace", "s3-control": "s3", "queue": "sqs"}
_REGION_FIRST = frozenset({"queue", "elasticmapreduce"})
"""Services with former host names that begin with the region."""


@dataclass(frozen=True)
class AwsHost:
    """The host name of an endpoint of AWS."""

    service: str
    """The service's name in the host name, such as `api.ecr`."""
    signing_names: frozenset[str]
    """The names of the service in the credential scope of a signature. Most services have one."""
    partition: str
    region: str | None
    """The region in the host name, or None for a global endpoint."""

    @property
    def signing_region(self) -> str | None:
        """The region that the credential scope must have. S3's global endpoint serves all regions."""
        if self.region is not None or self.service == "s3":
            return self.region
        return _GLOBAL_REGIONS[self.partition]


@lru_cache(maxsize=1024)
def parse_host(host: str) -> AwsHost | None:
    """Return the endpoint with that host name (lower case, without port), or None if it is none of AWS's."""
    suffix = next((suffix for suffix in _SUFFIXES if host.endswith(f".{suffix}")), None)
    if suffix is None or len(host) > _MAX_LENGTH:
        return None
    labels = host.removesuffix(f".{suffix}").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    partition, region = _SUFFIXES[suffix][0], None
    legacy = _LEGACY_S3.fullmatch(labels[-1])
    if legacy is not None:
        labels[-1:] = ["s3", legacy["region"]]
    if len(labels) == 2 and labels[1] in _REGION_FIRST:
        labels.reverse()
    if _REGION.fullmatch(labels[-1]):
        region = labels.pop()
        regions = {name: partition for partition in _SUFFIXES[suffix] for name in _regions()[partition]}
        if region not in regions:
            return None
        partition = regions[region]
    elif labels[-1] == _GLOBAL_GOV and _GLOBAL_GOV in _SUFFIXES[suffix][-1]:
        labels.pop()
        partition = _SUFFIXES[suffix][-1]
    if labels[-1:] in (["dualstack"], ["global"]):
        labels.pop()
    service = _find_service(labels)
    return None if service is None else AwsHost(service, _signing_names(service), partition, region)


def _find_service(labels: list[str]) -> str | None:
    if not labels:
        return None
    name = ".".join(labels).removesuffix("-fips")
    if name in _services() or name in _PREFIXED_NAMES:
        return name
    return labels[-1] if labels[-1] in _PREFIXED_NAMES else None


@cache
def _regions() -> dict[str, frozenset[str]]:
    partitions = botocore.loaders.Loader().load_data("partitions")["partitions"]
    return {partition["id"]: frozenset(partition["regions"]) for partition in partitions}


@cache
def _services() -> dict[str, frozenset[str]]:
    """Return moto's backends by the service name in host names."""
    found: dict[str, set[str]] = {name: {backend} for name, backend in _NAMES.items()}
    for name, backend in _literal_names():
        found.setdefault(name, set()).add(backend)
    return {name: frozenset(backends) for name, backends in found.items()}


def _literal_names() -> Iterator[tuple[str, str]]:
    for backend, pattern in backend_url_patterns:
        match = _MOTO_NAME.match(pattern.pattern)
        if match is not None and "." not in backend:
            yield match["name"].replace("\\", ""), backend


@lru_cache(maxsize=512)
def _signing_names(service: str) -> frozenset[str]:
    """Return the names in a credential scope, of botocore's model, or else of the host name and of moto's backend."""
    if service in _SIGNING_NAMES:
        return frozenset({_SIGNING_NAMES[service]})
    label = service.rpartition(".")[2]
    try:
        metadata = get_service_model(label).metadata
    except Exception:  # noqa: BLE001 - botocore's loader raises its own error for unknown names
        metadata = {}
    if service == label == metadata.get("endpointPrefix"):
        return frozenset({str(metadata.get("signingName", label))})
    return frozenset({label}) | _services().get(service, frozenset())
