"""The aws-auth ConfigMap of a cluster: read, edited, written with the `resourceVersion` read, and retried on conflict.

The API server rejects a write whose `resourceVersion` is not the newest, so that no edit overwrites a change that it
has not read. The ConfigMap is never deleted, and is created only where it does not exist.

A write whose response is lost may have been performed. The edit then reads the ConfigMap again, and writes only if the
ConfigMap does not have its changes: an added entry is not rejected as that of another writer.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import httpx2
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random_exponential

from eks_identity.clients.kubernetes_api import CLIENT_ERRORS, OUTAGE_FIX, client, denial_fix
from eks_identity.clients.kubernetes_retries import (
    describe,
    is_outage,
    is_performed,
    repeat_in_outage,
    repeat_unauthorized,
)
from eks_identity.errors import (
    ClusterDeniedError,
    ClusterError,
    ClusterUnreachableError,
    InvalidInput,
    Problem,
    WriteConflictError,
)
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.aws_auth import AwsAuth

NAME = "aws-auth"
NAMESPACE = "kube-system"

EDIT_TIMEOUT_SECONDS = 120
"""How long an edit is retried while other writers change the ConfigMap. A write takes some milliseconds."""

Edit = Callable[[AwsAuth], AwsAuth]
EditCheck = Callable[[AwsAuth, AwsAuth], None]
"""Raises the error that forbids an edit. Arguments: aws-auth before and after the edit."""


@dataclass
class _Edit:
    """An edit, and what its last write would have changed if it was interrupted."""

    change: Edit
    check: EditCheck
    interrupted: tuple[AwsAuth, AwsAuth] | None = None
    """aws-auth before and after a write that the API server may have performed."""
    is_read: bool = False
    """The ConfigMap was read, so that a failure is one of the write."""

    def is_performed(self, current: AwsAuth) -> bool:
        """Return whether `current` has the changes of the interrupted write."""
        if self.interrupted is None:
            return False
        before, after, now = map(_count_entries, (*self.interrupted, current))
        changed = [entry for entry in before | after if before[entry] != after[entry]]
        return bool(changed) and all(now[entry] == after[entry] for entry in changed)


class AwsAuthConfigMap:
    """The ConfigMap of the cluster of `kubeconfig`, a document in JSON or YAML."""

    def __init__(self, kubeconfig: str) -> None:
        self._client = client(kubeconfig)
        self._server = kubeconfigs.server(kubeconfig)

    def read(self) -> AwsAuth:
        """Return the entries, as the authenticator reads them; none without a ConfigMap. Raises `ClusterError`."""
        config_map = self._read()
        return AwsAuth.parse(config_map.data if config_map else None)

    def preview(self, change: Edit, check: EditCheck) -> AwsAuth:
        """Return what `edit` would write now, or raise its error. Nothing is written."""
        config_map = self._read()
        before = AwsAuth.parse(config_map.data if config_map else None)
        after = change(before)
        check(before, after)
        _require_mutable(config_map, before, after)
        return after

    def edit(self, change: Edit, check: EditCheck) -> AwsAuth:
        """Write the result of `change`, and return it. After each conflict `change` runs on the newest ConfigMap.

        An error of `change` or `check` ends the edit with nothing written. Raises `WriteConflictError` after two
        minutes of conflicts.
        """
        return self._edit_until_no_conflict(_Edit(change, check))

    @retry(
        retry=retry_if_exception_type(WriteConflictError),
        wait=wait_random_exponential(multiplier=0.02, max=2),
        stop=stop_after_delay(EDIT_TIMEOUT_SECONDS),
        reraise=True,
    )
    def _edit_until_no_conflict(self, edit: _Edit) -> AwsAuth:
        try:
            return repeat_in_outage(self._server, lambda: self._edit_once(edit))
        except CLIENT_ERRORS as error:
            if edit.interrupted is not None:
                error.add_note("after a write that may have been performed")
            raise self._cluster_error(error, "written" if edit.is_read else "read") from error

    def _edit_once(self, edit: _Edit) -> AwsAuth:
        edit.is_read = False
        config_map = self._get()
        edit.is_read = True
        before = AwsAuth.parse(config_map.data if config_map else None)
        if edit.is_performed(before):
            return before
        after = edit.change(before)
        if after == before:
            return after
        edit.check(before, after)
        _require_mutable(config_map, before, after)
        try:
            repeat_unauthorized(self._server, lambda: self._write(config_map, after))
        except CLIENT_ERRORS as error:
            if is_outage(error) and is_performed(error):
                edit.interrupted = before, after
            raise
        return after

    def _write(self, config_map: ConfigMap | None, after: AwsAuth) -> None:
        if config_map is None:
            self._client.create(ConfigMap(metadata=ObjectMeta(name=NAME, namespace=NAMESPACE), data=dict(after.data)))
        else:
            config_map.data = dict(after.data)
            self._client.replace(config_map)

    def _read(self) -> ConfigMap | None:
        try:
            return repeat_in_outage(self._server, self._get)
        except CLIENT_ERRORS as error:
            raise self._cluster_error(error, "read") from error

    def _get(self) -> ConfigMap | None:
        try:
            return repeat_unauthorized(self._server, lambda: self._client.get(ConfigMap, NAME, namespace=NAMESPACE))
        except ApiError as error:
            if error.status.code == httpx2.codes.NOT_FOUND:
                return None
            raise

    def _cluster_error(self, error: Exception, verb: str) -> ClusterError:
        reason = f"ConfigMap {NAMESPACE}/{NAME} at {self._server} cannot be {verb}: {describe(error)}"
        if isinstance(error, ApiError) and is_outage(error):
            return ClusterUnreachableError(f"{reason}\n  fix: {OUTAGE_FIX}")
        if isinstance(error, ApiError):
            if error.status.code == httpx2.codes.CONFLICT:
                return WriteConflictError(
                    f"{reason}\n  fix: find the other writer, which keeps changing it, stop it, and run this again"
                )
            permission = "may get and update that ConfigMap in the cluster"
            return ClusterDeniedError(f"{reason}\n  fix: {denial_fix(error, permission)}")
        if isinstance(error, (ConfigError, OSError)):
            return ClusterDeniedError(
                f"{reason}\n  fix: run the kubeconfig's exec command by hand: it returns no token"
            )
        return ClusterUnreachableError(
            f"{reason}\n  fix: run this where the cluster's endpoint can be reached; if the cluster is deleted, remove "
            "the mapping from the state: `pulumi state delete`"
        )


def _require_mutable(config_map: ConfigMap | None, before: AwsAuth, after: AwsAuth) -> None:
    """Reject an edit of an immutable ConfigMap: the API server accepts no change of it except its deletion."""
    if config_map is None or not config_map.immutable or before == after:
        return
    fix = (
        "as an administrator who has access without aws-auth (the cluster's creator, or by an access entry), create it "
        f"again without immutable, in one command: `kubectl -n {NAMESPACE} get configmap {NAME} -o yaml | "
        "sed '/^immutable: true$/d' | kubectl replace --force -f -`; until it finishes, no principal authenticates by "
        "aws-auth"
    )
    rule = f"must go into a ConfigMap that can be changed, and {NAMESPACE}/{NAME} is immutable (Kubernetes)"
    raise InvalidInput([Problem("arn", rule, next(iter(_changed_arns(before, after)), None), fix)])


def _changed_arns(before: AwsAuth, after: AwsAuth) -> list[str]:
    """Return the ARNs whose entries an edit adds, changes or removes."""
    entries = {(entry.arn, entry.username, entry.groups) for entry in before.entries} ^ {
        (entry.arn, entry.username, entry.groups) for entry in after.entries
    }
    return [arn for arn, *_ in entries]


def _count_entries(document: AwsAuth) -> Counter[tuple[str, str, str | None, tuple[str, ...]]]:
    return Counter((entry.key, entry.arn, entry.username, entry.groups) for entry in document.entries)
