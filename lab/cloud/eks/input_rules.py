"""Rules for the input of EKS operations that botocore's model does not have: one table of members and checks.

The model's own constraints are checked before, by `lab.cloud.input_validation`. Rules that need other records, such as
that a role exists, are in the operations.

Sources: EKS API reference, EKS user guide ("Tag your Amazon EKS resources", "Create access entries", "Fargate
profile"), and Kubernetes' validation of names, labels and taints.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lab.cloud.eks import access_entry_rules

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_NAMESPACE_SCOPE = re.compile(rf"{_LABEL}|(?:[a-z0-9][a-z0-9-]{{0,61}})?\*")
_NAMESPACE_SELECTOR = re.compile(r"[a-z0-9*?](?:[a-z0-9*?-]{0,61}[a-z0-9*?])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_QUALIFIED_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_RESOURCE_NAME = r"[0-9A-Za-z][A-Za-z0-9_-]"
_NODEGROUP_NAME = re.compile(rf"{_RESOURCE_NAME}{{0,62}}")
_PROFILE_NAME = re.compile(rf"{_RESOURCE_NAME}{{0,99}}")
_TAG_TEXT = re.compile(r"[\w\s+\-=._:/@]*")
_INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
_RELEASE_VERSION = re.compile(r"\d+\.\d+\.\d+-\d{8}", re.ASCII)
_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)/[\w/-]+", re.ASCII)
_RESERVED_LABEL_DOMAINS = ("eks.amazonaws.com", "k8s.io", "kubernetes.io")
_PRIVATE_NETWORKS = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_RESERVED_NETWORKS = tuple(
    map(ipaddress.IPv4Network, ("0.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"))
)

Check = Callable[[Any], str | None]
"""Returns the problem of a member's value, or None."""


def find_problem(operation: str, params: Mapping[str, Any]) -> str | None:
    """Return the first problem of an operation's input, or None."""
    for operations, path, check in RULES:
        if fnmatchcase(operation, operations):
            for value in find_values(params, path):
                if problem := check(value):
                    return problem
    return None


def find_values(params: Mapping[str, Any], path: str) -> Iterator[Any]:
    """Yield the values at a path such as `resourcesVpcConfig.subnetIds` or `podIdentityAssociations[].roleArn`.

    A name that ends with `[]` stands for every item of the list.
    """
    name, _, rest = path.partition(".")
    value = params.get(name.removesuffix("[]"))
    if value is None:
        return
    for item in value if name.endswith("[]") else (value,):
        if rest:
            yield from find_values(item, rest)
        else:
            yield item


def _matches(pattern: re.Pattern[str], what: str, rule: str) -> Check:
    def check(value: str) -> str | None:
        return None if pattern.fullmatch(value) else f"The {what} '{value}' is not valid: it must be {rule}"

    return check


def _check_tags(tags: Mapping[str, str]) -> str | None:
    for key, value in tags.items():
        if problem := _check_tag_key(key):
            return problem
        if value.lower().startswith("aws:"):
            return f"The tag value '{value}' is not valid: the prefix aws: is reserved"
        if not _TAG_TEXT.fullmatch(value):
            return f"The tag value '{value}' is not valid: it must be letters, numbers, spaces and + - = . _ : / @"
    return None


def _check_tag_key(key: str) -> str | None:
    if key.lower().startswith("aws:"):
        return f"The tag key '{key}' is not valid: the prefix aws: is reserved"
    if not _TAG_TEXT.fullmatch(key):
        return f"The tag key '{key}' is not valid: it must be letters, numbers, spaces and + - = . _ : / @"
    return None


def _check_public_cidrs(cidrs: list[str]) -> str | None:
    networks = {cidr: _parse_network(cidr) for cidr in cidrs}
    invalid = [cidr for cidr, network in networks.items() if network is None]
    if invalid:
        return f"The following CIDRs are invalid in publicAccessCidrs: [{', '.join(invalid)}]"
    reserved = [cidr for cidr, network in networks.items() if network and _is_reserved(network)]
    return f"The following CIDRs are not allowed in publicAccessCidrs: [{', '.join(reserved)}]" if reserved else None


def _parse_network(cidr: str) -> ipaddress.IPv4Network | None:
    """Return the IPv4 block, or None for any other text. The lab's clusters have no IPv6."""
    if not re.fullmatch(r"[\d.]+/\d{1,2}", cidr, re.ASCII):
        return None
    try:
        return ipaddress.IPv4Network(cidr, strict=False)
    except ValueError:
        return None


def _is_reserved(network: ipaddress.IPv4Network) -> bool:
    return any(network.subnet_of(block) for block in (*_PRIVATE_NETWORKS, *_RESERVED_NETWORKS))


def _check_service_cidr(cidr: str) -> str | None:
    try:
        network = ipaddress.IPv4Network(cidr)
        is_valid = "/" in cidr and 12 <= network.prefixlen <= 24
        is_valid = is_valid and any(network.subnet_of(block) for block in _PRIVATE_NETWORKS)
    except ValueError:
        is_valid = False
    rule = "a block of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, between /24 and /12"
    return None if is_valid else f"The serviceIpv4Cidr '{cidr}' is not valid: it must be {rule}"


def _check_labels(labels: Mapping[str, str]) -> str | None:
    for key, value in labels.items():
        domain, _, name = key.rpartition("/")
        if any(domain == reserved or domain.endswith(f".{reserved}") for reserved in _RESERVED_LABEL_DOMAINS):
            return f"Label cannot contain reserved prefixes [{', '.join(_RESERVED_LABEL_DOMAINS)}]: {key}"
        if (problem := _check_key("label", key, domain, name)) or (problem := _check_value("label", value)):
            return problem
    return None


def _check_taint(taint: Mapping[str, str]) -> str | None:
    if "key" not in taint or "effect" not in taint:
        return "A taint must have a key and an effect"
    domain, _, name = taint["key"].rpartition("/")
    return _check_key("taint", taint["key"], domain, name) or _check_value("taint", taint.get("value", ""))


def _check_key(what: str, key: str, domain: str, name: str) -> str | None:
    if _QUALIFIED_NAME.fullmatch(name) and ("/" not in key or _SUBDOMAIN.fullmatch(domain)):
        return None
    return f"The {what} key '{key}' is not valid: it must be a qualified name of Kubernetes"


def _check_value(what: str, value: str) -> str | None:
    if not value or _QUALIFIED_NAME.fullmatch(value):
        return None
    return f"The {what} value '{value}' is not valid: it must begin and end with a letter or digit"


def _check_update_config(config: Mapping[str, Any]) -> str | None:
    if ("maxUnavailable" in config) == ("maxUnavailablePercentage" in config):
        return "updateConfig must have either maxUnavailable or maxUnavailablePercentage"
    if config.get("maxUnavailable", 1) > 100:
        return f"maxUnavailable must be at most 100, not {config['maxUnavailable']}"
    return None


def _check_encryption(config: Mapping[str, Any]) -> str | None:
    if config.get("resources") != ["secrets"]:
        return f"The resources of encryptionConfig must be [secrets], not {config.get('resources')}"
    key = config.get("provider", {}).get("keyArn", "")
    return None if _KEY_ARN.fullmatch(key) else f"The keyArn of encryptionConfig is not the ARN of a KMS key: '{key}'"


def _check_selectors(selectors: list[Any]) -> str | None:
    if not 1 <= len(selectors) <= 5:
        return f"A Fargate profile must have 1 to 5 selectors, not {len(selectors)}"
    return None if all("namespace" in selector for selector in selectors) else "A selector must have a namespace"


_NAMESPACE_RULE = "1 to 63 lower-case letters, digits and hyphens, and begin and end with a letter or digit"
_check_namespace = _matches(_NAMESPACE, "namespace", _NAMESPACE_RULE)
_check_service_account = _matches(_SUBDOMAIN, "service account", "a DNS subdomain (RFC 1123) of at most 253 characters")

RULES: tuple[tuple[str, str, Check], ...] = (
    ("*", "tags", _check_tags),
    ("UntagResource", "tagKeys[]", _check_tag_key),
    ("*Cluster*", "resourcesVpcConfig.publicAccessCidrs", _check_public_cidrs),
    ("*Cluster*", "kubernetesNetworkConfig.serviceIpv4Cidr", _check_service_cidr),
    ("CreateCluster", "encryptionConfig[]", _check_encryption),
    ("CreateAccessEntry", "principalArn", access_entry_rules.principal_problem),
    ("*AccessEntry", "kubernetesGroups[]", access_entry_rules.group_problem),
    ("*AccessEntry", "username", access_entry_rules.username_problem),
    ("AssociateAccessPolicy", "accessScope", access_entry_rules.scope_problem),
    (
        "AssociateAccessPolicy",
        "accessScope.namespaces[]",
        _matches(_NAMESPACE_SCOPE, "namespace", f"{_NAMESPACE_RULE}; it can end with *"),
    ),
    ("CreatePodIdentityAssociation", "namespace", _check_namespace),
    ("CreatePodIdentityAssociation", "serviceAccount", _check_service_account),
    ("*Addon", "podIdentityAssociations[].serviceAccount", _check_service_account),
    ("CreateAddon", "namespaceConfig.namespace", _check_namespace),
    (
        "CreateNodegroup",
        "nodegroupName",
        _matches(
            _NODEGROUP_NAME,
            "nodegroup name",
            "1 to 63 letters, digits, hyphens and underscores, and begin with a letter or digit",
        ),
    ),
    ("CreateNodegroup", "labels", _check_labels),
    ("UpdateNodegroupConfig", "labels.addOrUpdateLabels", _check_labels),
    ("CreateNodegroup", "taints[]", _check_taint),
    ("UpdateNodegroupConfig", "taints.addOrUpdateTaints[]", _check_taint),
    ("UpdateNodegroupConfig", "taints.removeTaints[]", _check_taint),
    ("*Nodegroup*", "updateConfig", _check_update_config),
    ("CreateNodegroup", "instanceTypes[]", _matches(_INSTANCE_TYPE, "instance type", "a type such as m7i.large")),
    ("*Nodegroup*", "releaseVersion", _matches(_RELEASE_VERSION, "release version", "such as 1.37.2-20261101")),
    ("CreateFargateProfile", "fargateProfileName", _matches(_PROFILE_NAME, "Fargate profile name", "1 to 100 letters")),
    ("CreateFargateProfile", "selectors", _check_selectors),
    (
        "CreateFargateProfile",
        "selectors[].namespace",
        _matches(_NAMESPACE_SELECTOR, "namespace", f"{_NAMESPACE_RULE}; it can have the wildcards * and ?"),
    ),
    ("ListClusters", "include[]", _matches(re.compile("all"), "value of include", "all")),
)
"""(operations, with wildcards; path of the member; check)."""
