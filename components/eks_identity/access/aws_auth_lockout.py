"""Evaluates an edit of aws-auth against the live cluster: the caller and the last administrator keep their rights."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eks_identity import clients
from eks_identity.access.live_cluster import LiveCluster, mapped_principals
from eks_identity.access.lockout import administrators
from eks_identity.errors import AwsError, ClusterError, EksIdentityError, InvalidInput, Problem
from eks_identity.evaluation import cluster_rights
from eks_identity.evaluation.cluster_rights import ADMINISTRATION, ClusterState, user_by_aws_auth
from eks_identity.evaluation.rbac import Rbac
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model import lockout
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.lockout import Caller

if TYPE_CHECKING:
    from lightkube.models.authentication_v1 import UserInfo

CANONICAL_ARN = "canonicalArn"
"""Extra field in which EKS's authenticator puts the ARN of the user's IAM principal, in the form of aws-auth."""
SESSION_NAME = "sessionName"


class AwsAuthLockoutCheck:
    """The check of one mapping's edits. It queries neither AWS nor the cluster if no principal loses access."""

    def __init__(self, kubeconfig: str, credentials: str, allow_lockout_of: Collection[str] = ()) -> None:
        self._kubeconfig = kubeconfig
        self._allow_lockout_of = allow_lockout_of
        location = kubeconfigs.eks_cluster(kubeconfig)
        self._cluster = None if location is None else LiveCluster({**location, "kubeconfig": kubeconfig}, credentials)

    def reject_lockout(self, before: AwsAuth, after: AwsAuth) -> None:
        """Raise `InvalidInput` if the edit from `before` to `after` must not be written."""
        losing = _losing_principals(before, after)
        checked = lockout.exclude(losing, self._allow_lockout_of)
        if not checked:
            return
        try:
            problems = self._problems(self._state(before), self._state(after), losing, checked)
        except (AwsError, ClusterError, InvalidInput) as error:
            problems = [lockout.unreadable_access_problem(checked, str(error))]
        if problems:
            raise InvalidInput(
                [replace(problem, input="arn", value=_with_entry(problem.value, before)) for problem in problems]
            )

    def _problems(
        self, before: ClusterState, after: ClusterState, losing: Mapping[str, Principal], checked: list[str]
    ) -> list[Problem]:
        caller = self._caller
        if (
            caller is None
            or not lockout.is_listed(caller.principal.arn, losing)
            or not self._is_authenticated_by_aws_auth(before, caller)
        ):
            stays_administrator = self._caller_is_administrator
        else:
            rights = after.rights(caller.principal, caller.session)
            lost = cluster_rights.describe_lost_rights(before.rights(caller.principal, caller.session), rights)
            if lost and lockout.is_listed(caller.principal.arn, checked) and not self._has_entry(caller.principal):
                return [lockout.caller_lockout_problem(caller.principal.arn, lost)]
            stays_administrator = not lost and rights is not None and rights.is_administrator
        # A caller that stays an administrator is enough.
        if stays_administrator:
            return []
        return self._last_administrator_problems(before, after, {arn: losing[arn] for arn in checked})

    def _last_administrator_problems(
        self, before: ClusterState, after: ClusterState, losing: Mapping[str, Principal]
    ) -> list[Problem]:
        unread: EksIdentityError | None = None
        removed = []
        for arn, principal in losing.items():
            try:
                if before.is_administrator(principal):
                    removed.append(arn)
            except ClusterError as error:
                unread = error
        if not removed and unread is None:
            return []
        if self._cluster is None:
            raise AwsError("the kubeconfig does not name an EKS cluster, so access entries cannot be read")
        mode = self._cluster.mode
        if mode is None or not mode.reads_aws_auth:
            return []
        after = replace(after, mode=mode, entry=self._cluster.entry)
        if next(administrators(self._cluster, after), None) is not None:
            return []
        if unread is not None:
            raise unread
        return [lockout.last_administrator_problem(arn) for arn in removed]

    def _state(self, document: AwsAuth) -> ClusterState:
        """Return the cluster's state as if it had no access entries."""
        return ClusterState(
            AuthenticationMode.CONFIG_MAP, lambda _: None, lambda: document, self._cluster_rbac, self._namespaced_rbac
        )

    def _is_authenticated_by_aws_auth(self, before: ClusterState, caller: Caller) -> bool:
        """Return whether the caller has the groups of its mapping. If not, an access entry authenticates it."""
        user = before.user(caller.principal, caller.session)
        return user is not None and set(user.groups) <= set(self._groups)

    def _has_entry(self, principal: Principal) -> bool:
        """Return whether the caller has an access entry, which EKS reads in place of aws-auth."""
        if self._cluster is None:
            return False
        try:
            mode = self._cluster.mode
            return mode is not None and (not mode.reads_aws_auth or self._cluster.entry(principal) is not None)
        except (AwsError, InvalidInput):
            return False

    @property
    def _caller(self) -> Caller | None:
        """The caller's IAM principal, as EKS's authenticator reports it; None if another authenticator was used."""
        if self._user is None:
            return self._cluster.callers[-1] if self._cluster is not None and self._cluster.callers else None
        extra: Mapping[str, Any] = self._user.extra or {}
        arn = (extra.get(CANONICAL_ARN) or [""])[0]
        return Caller(Principal.parse(arn), (extra.get(SESSION_NAME) or [""])[0]) if arn else None

    @property
    def _groups(self) -> list[str]:
        return list(self._user.groups or []) if self._user is not None else []

    @cached_property
    def _user(self) -> "UserInfo | None":
        return clients.get_caller(self._kubeconfig)

    # Each part is read once. An edit is checked again after a conflict, and a slow check would cause more conflicts.
    @cached_property
    def _caller_is_administrator(self) -> bool:
        return clients.is_caller_allowed(self._kubeconfig, ADMINISTRATION)

    @cached_property
    def _rbac(self) -> Rbac:
        return clients.read_cluster_rbac(self._kubeconfig)

    @cached_property
    def _rbac_of_namespaces(self) -> Rbac:
        return clients.read_namespaced_rbac(self._kubeconfig)

    def _cluster_rbac(self) -> Rbac:
        return self._rbac

    def _namespaced_rbac(self) -> Rbac:
        return self._rbac_of_namespaces


def _with_entry(value: object, document: AwsAuth) -> object:
    """Return an ARN with its entry in aws-auth."""
    entry = document.effective_entry(Principal.parse(value).aws_auth_arn) if isinstance(value, str) else None
    return value if entry is None else f"{value}, {entry}"


def _losing_principals(before: AwsAuth, after: AwsAuth) -> dict[str, Principal]:
    """Return the principals, by ARN, that are another user after the edit, or have fewer groups."""
    losing = {}
    for principal in [*mapped_principals(before), *mapped_principals(after)]:
        user, user_after = user_by_aws_auth(before, principal), user_by_aws_auth(after, principal)
        if user is not None and (user_after is None or not user_after.includes(user)):
            losing[principal.arn] = principal
    return losing
