"""What the library asks of a cluster itself while a program runs, with the kubeconfig that the program gives.

Never with the machine's own kubeconfig, which may point anywhere.
"""

import atexit
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx2
from lightkube import Client, KubeConfig
from lightkube.core import decoders
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.models.authentication_v1 import UserInfo
from lightkube.models.authorization_v1 import ResourceAttributes, SelfSubjectAccessReviewSpec
from lightkube.resources.authentication_v1 import SelfSubjectReview
from lightkube.resources.authorization_v1 import SelfSubjectAccessReview
from lightkube.resources.core_v1 import ConfigMap, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

from eks_identity.errors import ClusterError, ClusterRefusedError, ClusterUnreachableError
from eks_identity.evaluation.rbac import Binding, Rbac, Request, RoleKey, Subject
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.rbac import Rule

FIELD_MANAGER = "eks-identity"
FAILURES = (ApiError, httpx2.HTTPError, ConfigError, OSError)
"""What lightkube raises where a cluster does not do what is asked."""

_KINDS: Mapping[str, Any] = {
    each.__name__: each for each in (ServiceAccount, Role, ClusterRole, RoleBinding, ClusterRoleBinding)
}


def _examine_types() -> None:
    """Has msgspec, by which lightkube reads, examine each type that is used here, while no other thread does.

    Two that read the first object of a type at once end the process (msgspec 0.22), and the engine has its resources
    changed in many threads.
    """
    anything = b'{"roleRef": {"apiGroup": "x", "kind": "x", "name": "x"}, "spec": {}}'  # all that any of them needs
    for kind in (ConfigMap, SelfSubjectReview, SelfSubjectAccessReview, *_KINDS.values()):
        decoders.decode_object(anything, kind)
        decoders.decode_list(b'{"items": []}', kind)
    decoders.decode_status(b"{}")
    anybody = {"name": "x", "cluster": {"server": "https://x"}, "user": {}, "context": {"cluster": "x"}}
    KubeConfig.from_dict({key: [anybody] for key in ("clusters", "users", "contexts")})


_examine_types()  # while this module is imported, by one thread


@cache
def client(kubeconfig: str) -> Client:
    """One client a cluster and process: a token costs a run of the aws command line."""
    document = kubeconfigs.loads(kubeconfig)
    try:
        made = Client(config=KubeConfig.from_dict(document), field_manager=FIELD_MANAGER)
    except FAILURES:
        raise
    except Exception as error:  # lightkube raises whatever the library raises that it reads with
        what = f"the kubeconfig of {kubeconfigs.server(kubeconfig)} cannot be used: {error}"
        raise ClusterRefusedError(f"{what}\n  fix: pass Cluster.kubeconfig, or one that kubectl works with") from error
    atexit.register(made.close)
    return made


def listed(kubeconfig: str, kind: str, namespace: str | None = None) -> dict[str, list[str]]:
    """Who wrote each object of a kind (its field managers), by the object's name. Raises `ClusterError`."""
    return {one.metadata.name: _writers(one.metadata) for one in _objects(kubeconfig, kind, namespace)}


def rbac(kubeconfig: str) -> Rbac:
    """ClusterRoles and ClusterRoleBindings. Raises `ClusterError`."""
    return Rbac(_roles(kubeconfig, "ClusterRole"), _bindings(kubeconfig, "ClusterRoleBinding"))


def namespaced_rbac(kubeconfig: str) -> Rbac:
    """RoleBindings of all namespaces, and all roles that they may refer to. Raises `ClusterError`."""
    roles = _roles(kubeconfig, "ClusterRole") | _roles(kubeconfig, "Role")
    return Rbac(roles, _bindings(kubeconfig, "RoleBinding"))


def caller(kubeconfig: str) -> UserInfo | None:
    """Username, groups and extra that the API server knows the caller by; None before Kubernetes 1.28."""
    try:
        status = client(kubeconfig).create(SelfSubjectReview()).status
    except FAILURES as error:
        if isinstance(error, ApiError) and error.status.code == httpx2.codes.NOT_FOUND:
            return None
        raise explained(
            error, f"cannot see who the caller is at {kubeconfigs.server(kubeconfig)}: {error}", "in"
        ) from (error)
    return status.userInfo if status is not None else None


def caller_may(kubeconfig: str, request: Request) -> bool:
    """Whether the API server allows the caller this request on a resource: a SelfSubjectAccessReview."""
    asked = ResourceAttributes(
        verb=request.verb, group=request.api_group, resource=request.resource, namespace=request.namespace
    )
    review = SelfSubjectAccessReview(spec=SelfSubjectAccessReviewSpec(resourceAttributes=asked))
    try:
        status = client(kubeconfig).create(review).status
    except FAILURES as error:
        what = f"cannot see whether the caller may {request} at {kubeconfigs.server(kubeconfig)}: {error}"
        raise explained(error, what, "in") from error
    return status is not None and status.allowed


def _roles(kubeconfig: str, kind: str) -> dict[RoleKey, tuple[Rule, ...]]:
    return {
        (role.metadata.namespace, role.metadata.name): tuple(
            Rule(
                tuple(rule.verbs),
                tuple(rule.resources or ()),
                tuple(rule.apiGroups or ()),
                tuple(rule.resourceNames or ()),
                tuple(rule.nonResourceURLs or ()),
            )
            for rule in role.rules or ()
        )
        for role in _objects(kubeconfig, kind, "*" if kind == "Role" else None)
    }


def _bindings(kubeconfig: str, kind: str) -> dict[RoleKey, Binding]:
    found = {}
    for each in _objects(kubeconfig, kind, "*" if kind == "RoleBinding" else None):
        namespace: str | None = each.metadata.namespace
        role: RoleKey = (namespace if each.roleRef.kind == "Role" else None, each.roleRef.name)
        subjects = frozenset(_subject(subject, namespace) for subject in each.subjects or ())
        found[(namespace, each.metadata.name)] = Binding(role, subjects)
    return found


def _subject(subject: Any, namespace: str | None) -> Subject:
    if subject.kind == "ServiceAccount":
        return Subject("User", f"system:serviceaccount:{subject.namespace or namespace}:{subject.name}")
    return Subject(subject.kind, subject.name)


def _objects(kubeconfig: str, kind: str, namespace: str | None = None) -> list[Any]:
    where = " in all namespaces" if namespace == "*" else f" in namespace {namespace}" if namespace else ""
    try:
        return list(client(kubeconfig).list(_KINDS[kind], namespace=namespace))
    except FAILURES as error:
        what = f"each {kind}{where} at {kubeconfigs.server(kubeconfig)} cannot be listed: {error}"
        raise explained(error, what, f"list each {kind}{where}") from error


def explained(error: Exception, what: str, may: str) -> ClusterError:
    """The error of one of `FAILURES`, with `what` could not be done, and the way out."""
    if isinstance(error, ApiError):
        return ClusterRefusedError(f"{what}\n  fix: run this as an IAM principal that the cluster lets {may}")
    if isinstance(error, (ConfigError, OSError)):
        return ClusterRefusedError(f"{what}\n  fix: the kubeconfig's own command gives no token; run it by hand")
    return ClusterUnreachableError(f"{what}\n  fix: run this from where the cluster's endpoint can be reached")


def _writers(metadata: Any) -> list[str]:
    return sorted({field.manager for field in metadata.managedFields or [] if field.manager})
