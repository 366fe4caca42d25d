"""Evaluates an edit of aws-auth against the live cluster: does it lock out the caller, or everybody?"""

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property

from lightkube.models.authentication_v1 import UserInfo

from eks_identity.access.live_cluster import LiveCluster, mapped
from eks_identity.access.lockout import administrators
from eks_identity.clients import kubernetes_api
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

CANONICAL_ARN = "canonicalArn"
"""Where EKS's authenticator says which IAM principal a Kubernetes user is, as aws-auth writes it."""
SESSION_NAME = "sessionName"


class MappingLockout:
    """The check of one mapping's edits. Queries nobody if the edit takes nothing from any principal."""

    def __init__(self, kubeconfig: str, credentials: str, allow_lockout_of: Collection[str] = ()) -> None:
        self._kubeconfig = kubeconfig
        self._break_glass = allow_lockout_of
        place = kubeconfigs.eks_cluster(kubeconfig)
        self._cluster = None if place is None else LiveCluster({**place, "kubeconfig": kubeconfig}, credentials)

    def check(self, before: AwsAuth, after: AwsAuth) -> None:
        """Raises `InvalidInput` if the edit from `before` to `after` must not be written."""
        losing = _losing(before, after)
        judged = lockout.without(losing, self._break_glass)
        if not judged:
            return
        try:
            problems = self._problems(self._state(before), self._state(after), losing, judged)
        except (AwsError, ClusterError, InvalidInput) as error:
            problems = [lockout.not_evaluated(judged, str(error))]
        if problems:
            raise InvalidInput(
                [replace(problem, input="arn", value=_place(problem.value, before)) for problem in problems]
            )

    def _problems(
        self, before: ClusterState, after: ClusterState, losing: list[str], judged: list[str]
    ) -> list[Problem]:
        caller = self._caller
        if caller is None or not lockout.among(caller.principal.arn, losing) or not self._is_in_by(before, caller):
            stays = self._caller_administers
        else:
            who = (caller.principal, caller.session)
            rights = after.rights(*who)
            lost = cluster_rights.lost(before.rights(*who), rights)
            if lost and lockout.among(caller.principal.arn, judged) and not self._has_entry(caller.principal):
                return [lockout.caller_locked_out(caller.principal.arn, lost)]
            stays = not lost and rights is not None and rights.is_administrator
        # A caller that is an administrator and stays one is enough.
        return [] if stays else self._last_administrators(before, after, judged)

    def _last_administrators(self, before: ClusterState, after: ClusterState, losing: list[str]) -> list[Problem]:
        unread: EksIdentityError | None = None
        removed = []
        for arn in losing:
            try:
                if before.is_administrator(Principal.parse(arn)):
                    removed.append(arn)
            except ClusterError as error:
                unread = error
        if not removed and unread is None:
            return []
        if self._cluster is None:
            raise AwsError("the kubeconfig does not say which EKS cluster it is for, so access entries cannot be read")
        mode = self._cluster.mode
        if mode is None or not mode.reads_aws_auth:
            return []
        after = replace(after, mode=mode, entry=self._cluster.entry)
        if next(administrators(self._cluster, after), None) is not None:
            return []
        if unread is not None:
            raise unread
        return [lockout.last_administrator(arn) for arn in removed]

    def _state(self, document: AwsAuth) -> ClusterState:
        """The cluster as if it had no access entries."""
        return ClusterState(
            AuthenticationMode.CONFIG_MAP, lambda _: None, lambda: document, self._cluster_rbac, self._namespaced_rbac
        )

    def _is_in_by(self, before: ClusterState, caller: Caller) -> bool:
        """Whether the caller has the groups that aws-auth gives it: else an access entry let it in."""
        user = before.user(caller.principal, caller.session)
        return user is not None and set(user.groups) <= set(self._groups)

    def _has_entry(self, who: Principal) -> bool:
        """Whether the caller has an access entry, which wins over aws-auth."""
        if self._cluster is None:
            return False
        try:
            mode = self._cluster.mode
            return mode is not None and (not mode.reads_aws_auth or self._cluster.entry(who) is not None)
        except (AwsError, InvalidInput):
            return False

    @property
    def _caller(self) -> Caller | None:
        """The principal that EKS's authenticator knows the caller as; None if another one authenticated it."""
        if self._user is None:
            return self._cluster.callers[-1] if self._cluster is not None and self._cluster.callers else None
        extra = self._user.extra or {}
        arn = (extra.get(CANONICAL_ARN) or [""])[0]
        return Caller(Principal.parse(arn), (extra.get(SESSION_NAME) or [""])[0]) if arn else None

    @property
    def _groups(self) -> list[str]:
        return list(self._user.groups or []) if self._user is not None else []

    @cached_property
    def _user(self) -> UserInfo | None:
        return kubernetes_api.caller(self._kubeconfig)

    # Each is read once: an edit that loses to other writers is checked again, and would lose more often by it.
    @cached_property
    def _caller_administers(self) -> bool:
        return kubernetes_api.caller_may(self._kubeconfig, ADMINISTRATION)

    @cached_property
    def _rbac(self) -> Rbac:
        return kubernetes_api.rbac(self._kubeconfig)

    @cached_property
    def _rbac_of_namespaces(self) -> Rbac:
        return kubernetes_api.namespaced_rbac(self._kubeconfig)

    def _cluster_rbac(self) -> Rbac:
        return self._rbac

    def _namespaced_rbac(self) -> Rbac:
        return self._rbac_of_namespaces


def _place(value: object, document: AwsAuth) -> object:
    """An ARN with the entry that aws-auth has for it."""
    entry = document.lets_in(Principal.parse(value).aws_auth_arn) if isinstance(value, str) else None
    return value if entry is None else f"{value}, {entry}"


def _losing(before: AwsAuth, after: AwsAuth) -> list[str]:
    """ARNs of the principals that are another user after the edit, or have fewer groups."""
    found = {}
    for who in [*mapped(before), *mapped(after)]:
        user, left = user_by_aws_auth(before, who), user_by_aws_auth(after, who)
        if user is not None and (left is None or not left.includes(user)):
            found[who.arn] = who
    return list(found)
