"""What a program declared, and what that lets whom do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from eks_identity.errors import MalformedDocumentError
from eks_identity.evaluation.rbac import Request
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.testing.cloud import Cloud
from eks_identity.testing.verdict import Answer, Verdict


@dataclass
class Declared:
    """A resource that was registered."""

    type: str
    """Its type token, such as `aws:iam/role:Role`."""
    name: str
    """Its name in Pulumi."""
    inputs: dict[str, Any]
    """What it was given, secrets in the clear."""
    request: Any
    """The registration as the engine got it, options and all."""
    state: dict[str, Any] = field(default_factory=dict)
    """What the plugin answered: in an update, the ARN and name that it got."""
    urn: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    """What a component said of itself at its end, secrets in the clear."""
    registered_outputs: Any = None
    """The same as the engine got it, secrets marked."""

    @property
    def kind(self) -> str:
        """The last part of its type: `Role`."""
        return self.type.rpartition(":")[2]


@dataclass
class Deployment:
    """What a program registered, and what it returned with every Output resolved (None where unknown)."""

    resources: list[Declared]
    value: Any = None
    cloud: Cloud = field(default_factory=Cloud)

    def of(self, *types: str) -> list[Declared]:
        """The resources of these types, in the order of registration."""
        return [resource for resource in self.resources if resource.type in types]

    def one(self, type_: str) -> Declared:
        """The resource of this type, of which there is one."""
        (found,) = self.of(type_)
        return found

    @property
    def names(self) -> list[tuple[str, str]]:
        """Type and name of each resource."""
        return [(resource.type, resource.name) for resource in self.resources]

    def cluster_of(self, resource: Declared) -> str | None:
        """The cluster that a Kubernetes object is in, by its provider's kubeconfig; None where that does not say."""
        provider = resource.request.provider.rpartition("::")[0]
        for candidate in self.resources:
            if candidate.urn and candidate.urn == provider:
                return cluster_in(candidate.inputs.get("kubeconfig"))
        return None

    def lets(
        self,
        principal: str,
        verb: str,
        resource: str,
        namespace: str | None = None,
        api_group: str = "",
        *,
        name: str | None = None,
        cluster: str | None = None,
    ) -> Verdict:
        """Whether this program lets an IAM principal do that with kubectl, and by which chain.

        Only what the program declares counts, and the ClusterRoles that every cluster has (`view`, `edit`, `admin`,
        `cluster-admin`): what others map or bind in the same cluster is not known here.

        Args:
            principal: The ARN of an IAM user or role, path included.
            verb: `get`, `list`, `create` …
            resource: The plural name, with its subresource (`pods/log`), or a path (`/healthz`).
            namespace: Where; None asks for all namespaces at once.
            api_group: `apps` and the like; the core group is `""`.
            name: The object's name, where a rule is about named objects.
            cluster: The cluster's name; needed where the program has several.
        """
        from eks_identity.testing.cluster_access import verdict  # noqa: PLC0415 - it reads deployments

        return verdict(self, principal, Request(verb, resource, namespace, api_group, name), cluster)

    def assert_can(self, principal: str, verb: str, resource: str, *where: str | None, **how: Any) -> None:
        """As `lets`, and raises `AssertionError` with the broken link unless the answer is yes."""
        self.lets(principal, verb, resource, *where, **how).require(Answer.YES)  # type: ignore[arg-type]

    def assert_cannot(self, principal: str, verb: str, resource: str, *where: str | None, **how: Any) -> None:
        """As `lets`, and raises `AssertionError` with the chain unless the answer is no."""
        self.lets(principal, verb, resource, *where, **how).require(Answer.NO)  # type: ignore[arg-type]

    def pod_lets(
        self,
        namespace: str,
        service_account: str,
        action: str,
        resource: str = "*",
        *,
        cluster: str | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Verdict:
        """Whether this program lets the pods of a service account do that in AWS, and by which chain.

        Trust policy, permission policies and boundary of the role count; policies of resources, of the organization and
        of sessions do not. The content of managed policies that are not declared here is not known, unless
        `Cloud(policies=…)` has it.

        Args:
            namespace: The service account's namespace.
            service_account: The service account's name.
            action: `s3:GetObject` and the like.
            resource: The ARN of what it is done to.
            cluster: The cluster's name; needed where the program has several.
            context: Condition keys of the request: `{"aws:ResourceTag/team": "shop"}`.
        """
        from eks_identity.testing.workloads import verdict  # noqa: PLC0415 - see `lets`

        return verdict(self, namespace, service_account, action, resource, cluster=cluster, context=context or {})

    def assert_pod_can(self, namespace: str, service_account: str, action: str, *on: str, **how: Any) -> None:
        """As `pod_lets`, and raises `AssertionError` with the broken link unless the answer is yes."""
        self.pod_lets(namespace, service_account, action, *on, **how).require(Answer.YES)

    def assert_pod_lets_not(self, namespace: str, service_account: str, action: str, *on: str, **how: Any) -> None:
        """As `pod_lets`, and raises `AssertionError` with the chain unless the answer is no."""
        self.pod_lets(namespace, service_account, action, *on, **how).require(Answer.NO)


def cluster_in(kubeconfig: Any) -> str | None:
    """The cluster that a kubeconfig gets its tokens for."""
    text = json.dumps(kubeconfig) if isinstance(kubeconfig, Mapping) else kubeconfig
    if not isinstance(text, str):
        return None
    try:
        users = kubeconfigs.loads(text).get("users") or []
    except MalformedDocumentError:
        return None
    for user in users:
        for flag, value in pairwise(((user.get("user") or {}).get("exec") or {}).get("args") or []):
            if flag in {"--cluster-name", "-i"}:
                return str(value)
    return None


def only_cluster(clusters: set[str | None], asked: str | None) -> str | None:
    """The cluster that a question is about. Raises `ValueError` where that has to be said."""
    named = {cluster for cluster in clusters if cluster is not None}
    if asked is None and len(named) > 1:
        raise ValueError(f"the program has several clusters; fix: pass cluster=, one of {', '.join(sorted(named))}")
    return asked or next(iter(named), None)


def is_in(cluster: str | None, place: str | None) -> bool:
    """Whether something that is in `place` counts for `cluster`; what does not say its place counts everywhere."""
    return cluster is None or place is None or cluster == place
