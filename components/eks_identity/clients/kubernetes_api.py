"""Requests to the Kubernetes API that the library sends while a program runs, with the program's kubeconfig.

The machine's own kubeconfig is never used, because its current context may be another cluster.
"""

import atexit
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

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

from eks_identity.clients.kubernetes_retries import describe, is_outage, repeat_in_outage, repeat_unauthorized
from eks_identity.errors import ClusterDeniedError, ClusterError, ClusterUnreachableError
from eks_identity.evaluation.rbac import Binding, Rbac, Request, RoleKey, Subject
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.rbac import Rule

T = TypeVar("T")

FIELD_MANAGER = "eks-identity"
CLIENT_ERRORS = (ApiError, httpx2.HTTPError, ConfigError, OSError)
"""Exceptions of lightkube for a failed request."""
OUTAGE_FIX = "run this again when the API server is ready; it is starting, failing or overloaded"

_KINDS: Mapping[str, Any] = {
    kind.__name__: kind for kind in (ServiceAccount, Role, ClusterRole, RoleBinding, ClusterRoleBinding)
}


def _examine_types() -> None:
    """Decode each type once in a single thread, so that msgspec, which lightkube uses, has examined it.

    Two threads that decode the first object of a type at the same time crash the process (msgspec 0.22), and the engine
    updates resources in many threads.
    """
    document = b'{"roleRef": {"apiGroup": "x", "kind": "x", "name": "x"}, "spec": {}}'  # fields that a type requires
    for kind in (ConfigMap, SelfSubjectReview, SelfSubjectAccessReview, *_KINDS.values()):
        decoders.decode_object(document, kind)
        decoders.decode_list(b'{"items": []}', kind)
    decoders.decode_status(b"{}")
    entry = {"name": "x", "cluster": {"server": "https://x"}, "user": {}, "context": {"cluster": "x"}}
    KubeConfig.from_dict({key: [entry] for key in ("clusters", "users", "contexts")})


_examine_types()  # on import, which one thread does


@cache
def client(kubeconfig: str) -> Client:
    """Return the process's client for a cluster. It is cached, because each token is a run of the aws command line."""
    document = kubeconfigs.loads(kubeconfig)
    try:
        client = Client(config=KubeConfig.from_dict(document), field_manager=FIELD_MANAGER)
    except CLIENT_ERRORS:
        raise
    except Exception as error:  # lightkube passes on the exceptions of the libraries that it parses with
        what = f"the kubeconfig of {kubeconfigs.server(kubeconfig)} cannot be used: {error}"
        raise ClusterDeniedError(f"{what}\n  fix: pass Cluster.kubeconfig, or one that kubectl works with") from error
    atexit.register(client.close)
    return client


def list_field_managers(kubeconfig: str, kind: str, namespace: str | None = None) -> dict[str, list[str]]:
    """Return the field managers of each object of a kind by the object's name. Raises `ClusterError`."""
    return {item.metadata.name: _field_managers(item.metadata) for item in _objects(kubeconfig, kind, namespace)}


def read_cluster_rbac(kubeconfig: str) -> Rbac:
    """Return the ClusterRoles and ClusterRoleBindings. Raises `ClusterError`."""
    return Rbac(_roles(kubeconfig, "ClusterRole"), _bindings(kubeconfig, "ClusterRoleBinding"))


def read_namespaced_rbac(kubeconfig: str) -> Rbac:
    """Return the RoleBindings of all namespaces and the roles that they may refer to. Raises `ClusterError`."""
    roles = _roles(kubeconfig, "ClusterRole") | _roles(kubeconfig, "Role")
    return Rbac(roles, _bindings(kubeconfig, "RoleBinding"))


def get_caller(kubeconfig: str) -> UserInfo | None:
    """Return username, groups and extra of the caller by a SelfSubjectReview, None before Kubernetes 1.28.

    Raises `ClusterError`.
    """
    try:
        status = _send(kubeconfig, lambda api: api.create(SelfSubjectReview())).status
    except CLIENT_ERRORS as error:
        if isinstance(error, ApiError) and error.status.code == httpx2.codes.NOT_FOUND:
            return None
        raise cluster_error(
            error, f"cannot get the caller's identity from {kubeconfigs.server(kubeconfig)}: {describe(error)}", "in"
        ) from error
    return status.userInfo if status is not None else None


def is_caller_allowed(kubeconfig: str, request: Request) -> bool:
    """Return whether the API server allows the caller this request, by a SelfSubjectAccessReview.

    Raises `ClusterError`.
    """
    attributes = ResourceAttributes(
        verb=request.verb, group=request.api_group, resource=request.resource, namespace=request.namespace
    )
    review = SelfSubjectAccessReview(spec=SelfSubjectAccessReviewSpec(resourceAttributes=attributes))
    try:
        status = _send(kubeconfig, lambda api: api.create(review)).status
    except CLIENT_ERRORS as error:
        what = f"cannot check whether the caller may {request} at {kubeconfigs.server(kubeconfig)}: {describe(error)}"
        raise cluster_error(error, what, "in") from error
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
    bindings = {}
    for binding in _objects(kubeconfig, kind, "*" if kind == "RoleBinding" else None):
        namespace: str | None = binding.metadata.namespace
        role: RoleKey = (namespace if binding.roleRef.kind == "Role" else None, binding.roleRef.name)
        subjects = frozenset(_subject(subject, namespace) for subject in binding.subjects or ())
        bindings[(namespace, binding.metadata.name)] = Binding(role, subjects)
    return bindings


def _subject(subject: Any, namespace: str | None) -> Subject:
    if subject.kind == "ServiceAccount":
        return Subject("User", f"system:serviceaccount:{subject.namespace or namespace}:{subject.name}")
    return Subject(subject.kind, subject.name)


def _objects(kubeconfig: str, kind: str, namespace: str | None = None) -> list[Any]:
    where = " in all namespaces" if namespace == "*" else f" in namespace {namespace}" if namespace else ""
    try:
        return _send(kubeconfig, lambda api: list(api.list(_KINDS[kind], namespace=namespace)))
    except CLIENT_ERRORS as error:
        what = f"each {kind}{where} at {kubeconfigs.server(kubeconfig)} cannot be listed: {describe(error)}"
        raise cluster_error(error, what, f"list each {kind}{where}") from error


def _send(kubeconfig: str, request: Callable[[Client], T]) -> T:
    api, server = client(kubeconfig), kubeconfigs.server(kubeconfig)
    return repeat_in_outage(server, lambda: repeat_unauthorized(server, lambda: request(api)))


def cluster_error(error: Exception, what: str, may: str) -> ClusterError:
    """Return the `ClusterError` of one of `FAILURES`: `what` failed, and the fix.

    `may` is the verb phrase of the missing permission, `in` for access to the cluster.
    """
    if isinstance(error, ApiError) and not is_outage(error):
        permission = "has access to the cluster" if may == "in" else f"may {may} in the cluster"
        return ClusterDeniedError(f"{what}\n  fix: {denial_fix(error, permission)}")
    if isinstance(error, (ConfigError, OSError)):
        return ClusterDeniedError(f"{what}\n  fix: run the kubeconfig's exec command by hand, which returned no token")
    if isinstance(error, ApiError):
        return ClusterUnreachableError(f"{what}\n  fix: {OUTAGE_FIX}")
    return ClusterUnreachableError(f"{what}\n  fix: run this from where the cluster's endpoint can be reached")


def denial_fix(error: ApiError, permission: str) -> str:
    """Return the fix of a denied request.

    The API server rejects a token with status 401 and does not say why: its credentials have expired, or their
    principal has no access to the cluster.
    """
    if error.status.code == httpx2.codes.UNAUTHORIZED:
        return (
            "renew the AWS credentials if they expired, or run this as an IAM principal that has access to the cluster"
        )
    return f"run this as an IAM principal that {permission}"


def _field_managers(metadata: Any) -> list[str]:
    return sorted({field.manager for field in metadata.managedFields or [] if field.manager})
