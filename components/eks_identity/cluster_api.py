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
from lightkube.resources.authentication_v1 import SelfSubjectReview
from lightkube.resources.core_v1 import ConfigMap, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role

from eks_identity.errors import ClusterError, ClusterRefusedError, ClusterUnreachableError
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.existing_entries import Subject

FIELD_MANAGER = "eks-identity"
FAILURES = (ApiError, httpx2.HTTPError, ConfigError, OSError)
"""What lightkube raises where a cluster does not do what is asked."""

_KINDS: Mapping[str, Any] = {each.__name__: each for each in (ServiceAccount, Role, ClusterRole, ClusterRoleBinding)}


def _examine_types() -> None:
    """Has msgspec, by which lightkube reads, examine each type that is used here, while no other thread does.

    Two that read the first object of a type at once end the process (msgspec 0.22), and the engine has its resources
    changed in many threads.
    """
    anything = b'{"roleRef": {"apiGroup": "x", "kind": "x", "name": "x"}}'  # all that any of them needs
    for kind in (ConfigMap, SelfSubjectReview, *_KINDS.values()):
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


def bound_administrators(kubeconfig: str) -> frozenset[Subject]:
    """Users and groups that are bound to ClusterRole `cluster-admin`, but for Kubernetes' own. Raises `ClusterError`.

    An access entry has neither a group nor a username of Kubernetes' own: they begin with `system:`.
    """
    return frozenset(
        Subject(subject.kind, subject.name)
        for binding in _objects(kubeconfig, "ClusterRoleBinding")
        if (binding.roleRef.kind, binding.roleRef.name) == ("ClusterRole", "cluster-admin")
        for subject in binding.subjects or []
        if subject.kind in {"User", "Group"} and not subject.name.startswith("system:")
    )


def _objects(kubeconfig: str, kind: str, namespace: str | None = None) -> list[Any]:
    where = f" in namespace {namespace}" if namespace else ""
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
