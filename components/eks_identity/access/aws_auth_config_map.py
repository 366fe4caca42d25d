"""The aws-auth ConfigMap in a cluster: read, edit, write back, and again if others were faster.

The API server refuses a write whose `resourceVersion` is not the newest, so that an edit is never made on top of
something it has not seen. The ConfigMap is never deleted, and created only where there is none.
"""

from collections.abc import Callable

import httpx2
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random_exponential

from eks_identity.clients.kubernetes_api import FAILURES, client
from eks_identity.errors import (
    ClusterError,
    ClusterRefusedError,
    ClusterUnreachableError,
    InvalidInput,
    Problem,
    WriteConflictError,
)
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.aws_auth import AwsAuth

NAME = "aws-auth"
NAMESPACE = "kube-system"

PATIENCE_SECONDS = 120
"""How long an edit is tried while others keep writing; a write takes some milliseconds."""

Edit = Callable[[AwsAuth], AwsAuth]
Check = Callable[[AwsAuth, AwsAuth], None]
"""Raises what forbids an edit, from aws-auth before it to aws-auth after it."""


class AwsAuthConfigMap:
    """The ConfigMap of the cluster that `kubeconfig`, a document in JSON or YAML, points at."""

    def __init__(self, kubeconfig: str) -> None:
        self._client = client(kubeconfig)
        self._server = kubeconfigs.server(kubeconfig)

    def read(self) -> AwsAuth:
        """What the authenticator reads of it now; nothing, where there is none. Raises `ClusterError`."""
        found = self._get()
        return AwsAuth.parse(found.data if found else None)

    def rehearse(self, change: Edit, check: Check) -> AwsAuth:
        """What `edit` would write now; raises what it would raise."""
        found = self._get()
        before = AwsAuth.parse(found.data if found else None)
        after = change(before)
        check(before, after)
        _require_mutable(found, before, after)
        return after

    def edit(self, change: Edit, check: Check) -> AwsAuth:
        """Writes what `change` makes of it, and returns that. `change` may run many times, each on a fresh reading.

        What `change` or `check` raises ends the edit with nothing written. Raises `WriteConflictError` after two
        minutes of losing to others.
        """
        return self._edit_once(change, check)

    @retry(
        retry=retry_if_exception_type(WriteConflictError),
        wait=wait_random_exponential(multiplier=0.02, max=2),
        stop=stop_after_delay(PATIENCE_SECONDS),
        reraise=True,
    )
    def _edit_once(self, change: Edit, check: Check) -> AwsAuth:
        found = self._get()
        before = AwsAuth.parse(found.data if found else None)
        after = change(before)
        if after == before:
            return after
        check(before, after)
        _require_mutable(found, before, after)
        try:
            if found is None:
                self._client.create(
                    ConfigMap(metadata=ObjectMeta(name=NAME, namespace=NAMESPACE), data=dict(after.data))
                )
            else:
                found.data = dict(after.data)
                self._client.replace(found)
        except FAILURES as error:
            raise self._explained(error, "written") from error
        return after

    def _get(self) -> ConfigMap | None:
        try:
            return self._client.get(ConfigMap, NAME, namespace=NAMESPACE)
        except FAILURES as error:
            if isinstance(error, ApiError) and error.status.code == httpx2.codes.NOT_FOUND:
                return None
            raise self._explained(error, "read") from error

    def _explained(self, error: Exception, verb: str) -> ClusterError:
        what = f"ConfigMap {NAMESPACE}/{NAME} at {self._server} cannot be {verb}: {error}"
        if isinstance(error, ApiError):
            if error.status.code == httpx2.codes.CONFLICT:
                return WriteConflictError(f"{what}\n  fix: others keep writing it; find out who, and run this again")
            return ClusterRefusedError(
                f"{what}\n  fix: run this as an IAM principal that the cluster lets get and update that ConfigMap"
            )
        if isinstance(error, (ConfigError, OSError)):
            return ClusterRefusedError(f"{what}\n  fix: the kubeconfig's own command gives no token; run it by hand")
        return ClusterUnreachableError(
            f"{what}\n  fix: run this from where the cluster's endpoint can be reached; if the cluster is gone, "
            "`pulumi state delete` forgets the mapping"
        )


def _require_mutable(found: ConfigMap | None, before: AwsAuth, after: AwsAuth) -> None:
    """Reject an edit of an immutable ConfigMap: the API server takes no change of it, but for its deletion."""
    if found is None or not found.immutable or before == after:
        return
    fix = (
        "as an administrator who has access without aws-auth (the cluster's creator, or by an access entry), create it "
        f"again without immutable, in one go: `kubectl -n {NAMESPACE} get configmap {NAME} -o yaml | "
        "sed '/^immutable: true$/d' | kubectl replace --force -f -`; in between, nobody authenticates by aws-auth"
    )
    rule = f"must go into a ConfigMap that can be changed, and {NAMESPACE}/{NAME} is immutable (Kubernetes)"
    raise InvalidInput([Problem("arn", rule, next(iter(_new_arns(before, after)), None), fix)])


def _new_arns(before: AwsAuth, after: AwsAuth) -> list[str]:
    """The ARNs whose entries an edit adds, changes or removes."""
    entries = {(entry.arn, entry.username, entry.groups) for entry in before.entries} ^ {
        (entry.arn, entry.username, entry.groups) for entry in after.entries
    }
    return [arn for arn, *_ in entries]
