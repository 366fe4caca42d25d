"""The EKS clusters of a stack, and the cluster that each of its resources belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eks_access.errors import UsageError
from eks_access.graph.aws_objects import Cluster, Unknown
from eks_access.sources.pulumi.resources import Resource
from eks_access.sources.pulumi.values import first_unknown, require_known
from eks_identity.errors import InvalidInput, MalformedDocumentError
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.arns import Arn, find_account

CLUSTER = "aws:eks/cluster:Cluster"
COMPONENT = "eks-identity:Cluster"
MIGRATION = "eks-identity:AuthenticationModeMigration"
_ORDER = (MIGRATION, CLUSTER, COMPONENT)
"""Kinds by their knowledge of a cluster. A migration changes the mode that the others have."""
_OWN_ARNS = ("arn", "accessEntryArn", "associationArn")
"""Properties with the resource's own ARN."""


class StackClusters:
    """The clusters that the resources of a stack create, look up or name."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        """Find the clusters. Of resources with the same URN, the first counts."""
        self._by_urn = {resource.urn: resource for resource in reversed(resources)}
        self.facts: dict[str, dict[str, Any]] = {}
        """What the stack knows of each cluster, by its name."""
        for resource in sorted(resources, key=_rank):
            facts = self._facts(resource)
            if isinstance(name := facts.get("name"), str):
                known_facts = self.facts.setdefault(name, {})
                for key, value in facts.items():
                    if value is not None and (key not in known_facts or isinstance(known_facts[key], Unknown)):
                        known_facts[key] = value

    def select(self, requested: str | None, source: str) -> str | None:
        """Return the cluster of the graph, None if the stack has none; raise `UsageError` if that is not decided."""
        names = sorted(self.facts)
        if requested is not None and requested not in names:
            raise UsageError(
                f"--cluster {requested!r} must be a cluster of the {source}: {', '.join(names) or 'it has none'}",
                f"pass --cluster {names[0]}" if names else "pass the stack that declares the access to the cluster",
            )
        if requested is None and len(names) > 1:
            message = f"--cluster must name one of the clusters of the {source}: {', '.join(names)}"
            raise UsageError(message, f"pass --cluster {names[0]}")
        return requested or next(iter(names), None)

    def name_of(self, resource: Resource) -> str | None:
        """Return the cluster of a resource; None if that is unknown."""
        if resource.kind in {CLUSTER, COMPONENT}:
            return _text(resource.get("name")) or self._name_by_dependencies(resource, "name")
        if resource.kind.startswith("kubernetes:"):
            provider = self._by_urn.get(resource.provider)
            return None if provider is None else self._by_kubeconfig(provider)
        if "clusterName" in resource.properties:
            return _text(resource.get("clusterName")) or self._name_by_dependencies(resource, "clusterName")
        return self._by_kubeconfig(resource)

    def is_in(self, resource: Resource, name: str | None) -> bool | None:
        """Return whether a resource belongs to a cluster; None if that is unknown, and the stack has several."""
        own = self.name_of(resource)
        if own is None:
            return None if len(self.facts) > 1 else True
        return own == name

    def cluster(self, name: str, source: str) -> Cluster:
        """Return what the stack knows of a cluster."""
        facts = self.facts[name]
        missing = {
            key: Unknown(f"{words} of cluster {name} is not in the {source}")
            for key, words in {"arn": "ARN", "authenticationMode": "authentication mode", "issuer": "issuer"}.items()
        }
        parsed = _parse(facts.get("arn"))
        return Cluster(
            name=name,
            arn=facts.get("arn", missing["arn"]),
            region=parsed.region if parsed else _text(facts.get("region")) or "",
            account=parsed.account if parsed else _text(facts.get("account")) or "",
            authentication_mode=facts.get("authenticationMode", missing["authenticationMode"]),
            issuer=facts.get("issuer", missing["issuer"]),
            endpoint=facts.get("endpoint", ""),
            has_public_endpoint=facts.get("hasPublicEndpoint"),
            public_access_cidrs=facts.get("publicAccessCidrs", ()),
            encrypts_secrets=facts.get("encryptsSecrets"),
        )

    def _facts(self, resource: Resource) -> dict[str, Any]:
        get = resource.get
        if resource.kind == CLUSTER:
            return {
                "name": get("name"),
                "arn": get("arn"),
                "region": get("region"),
                "authenticationMode": _item(get("accessConfig"), "authenticationMode"),
                "issuer": _item(get("identities"), 0, "oidcs", 0, "issuer"),
                "endpoint": get("endpoint"),
                "account": find_account(_text(get("roleArn")) or ""),
                **_protection(resource),
            }
        if resource.kind == COMPONENT:
            names = ("name", "arn", "region", "authenticationMode", "issuer", "endpoint")
            return {"account": get("accountId"), **{name: get(name) for name in names}}
        if "clusterName" in resource.properties:
            facts = {"name": get("clusterName"), "arn": get("clusterArn"), "region": get("region")}
            mode = {"authenticationMode": get("authenticationMode")} if resource.kind == MIGRATION else {}
            return facts | mode
        located = _eks_cluster(resource.get("kubeconfig"))
        named = {"name": located.get("cluster_name"), "arn": located.get("cluster_arn")}
        return named | {"region": located.get("region"), "endpoint": located.get("server")} if located else {}

    def _by_kubeconfig(self, resource: Resource) -> str | None:
        """Return the cluster of a kubeconfig, or of the component to which the owner of the kubeconfig belongs."""
        located = _eks_cluster(resource.get("kubeconfig"))
        if located:
            return located["cluster_name"]
        parent = self._by_urn.get(resource.parent)
        of_component = self.name_of(parent) if parent is not None and parent.kind == COMPONENT else None
        return of_component or self._name_by_dependencies(resource, "kubeconfig")

    def _name_by_dependencies(self, resource: Resource, name: str) -> str | None:
        """Return the name of the only cluster that decides a property."""
        deciding = (self._by_urn.get(urn) for urn in resource.dependencies.get(name, ()))
        names = {_text(each.get("name")) for each in deciding if each is not None and each.kind == CLUSTER}
        return names.pop() if len(names) == 1 else None


class StackAccounts:
    """The AWS account of each resource, from the ARNs of the resources with the same provider."""

    def __init__(self, resources: Iterable[Resource], cluster: Cluster | None, default: str = "") -> None:
        """Find the accounts. IAM resources whose account is unknown are of the account `default`, unless it is empty.

        A placeholder serves questions that compare no accounts.
        """
        self._default = default
        self._by_provider: dict[str, tuple[str, str]] = {}
        for resource in resources:
            if not resource.kind.startswith("aws:"):
                continue
            self._by_provider.setdefault(resource.provider, ("", ""))
            for arn in filter(None, (_text(resource.get(name)) for name in _OWN_ARNS)):
                if account := find_account(arn):
                    self._by_provider[resource.provider] = (Arn.parse(arn).partition.name, account)
        if cluster is not None and cluster.account and len(self._by_provider) == 1:
            parsed = _parse(cluster.arn)
            partition = parsed.partition.name if parsed else "aws"
            for provider, (_, account) in self._by_provider.items():
                if not account:
                    self._by_provider[provider] = (partition, cluster.account)

    def account(self, resource: Resource) -> str:
        """Return the account of a resource without an ARN of its own; empty if it is unknown."""
        return self._by_provider.get(resource.provider, ("", ""))[1] or self._default

    def iam_arn(self, resource: Resource, path: str) -> str:
        """Return the ARN of an IAM resource. Before it exists, it follows from its account and its `path`.

        Raises `UnknownValueError` if the account is unknown.
        """
        arn = resource.get("arn")
        if isinstance(arn, str):
            return arn
        partition, account = self._by_provider.get(resource.provider, ("", ""))
        if not account and self._default:
            partition, account = "aws", self._default
        if not account:
            require_known(Unknown(f"account of {resource} is not known before the update"))
        return f"arn:{partition}:iam::{account}:{path}"


def _parse(arn: Any) -> Arn | None:
    """Return a parsed ARN; None for other values."""
    try:
        return Arn.parse(arn) if isinstance(arn, str) else None
    except InvalidInput:
        return None


def _protection(resource: Resource) -> dict[str, Any]:
    """Return the facts on endpoint and encryption of a cluster; EKS opens the endpoint to everybody by default."""
    network, encryption = resource.get("vpcConfig"), resource.get("encryptionConfig")
    is_public = _item(network, "endpointPublicAccess")
    ranges = _item(network, "publicAccessCidrs") or ()
    kinds = _item(encryption, "resources")
    return {
        "hasPublicEndpoint": True if is_public is None else is_public,
        "publicAccessCidrs": (ranges,) if isinstance(ranges, Unknown) else tuple(ranges),
        "encryptsSecrets": first_unknown(kinds) or "secrets" in (kinds or ()),
    }


def _rank(resource: Resource) -> int:
    return _ORDER.index(resource.kind) if resource.kind in _ORDER else len(_ORDER)


def _eks_cluster(kubeconfig: Any) -> Mapping[str, str]:
    """Return name, region, server and ARN of a kubeconfig's cluster; nothing for other values."""
    if not isinstance(kubeconfig, str):
        return {}
    try:
        located = kubeconfigs.eks_cluster(kubeconfig)
        return {} if located is None else {**located, "server": kubeconfigs.server(kubeconfig)}
    except (MalformedDocumentError, InvalidInput, LookupError):
        return {}


def _item(value: Any, *path: str | int) -> Any:
    """Return an item of nested values: the unknown value on the way to it, None if it does not exist."""
    for key in path:
        if isinstance(value, Unknown) or value is None:
            return value
        try:
            value = value[key]
        except (LookupError, TypeError):
            return None
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
