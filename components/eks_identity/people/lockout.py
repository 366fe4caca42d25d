"""Asks the cluster and AWS who would be locked out, and only as much as the change in question needs."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from eks_identity import cluster_api
from eks_identity.dynamic_provider import Properties, say_once
from eks_identity.eks_api import EksApi, WhoIsWho
from eks_identity.errors import ClusterError, Problem
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model import lockout
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.access_policies import CLUSTER_ADMIN, access_policy_arn
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import Subject, is_one_of
from eks_identity.model.partitions import Partition
from eks_identity.people.aws_auth_store import AwsAuthConfigMap


@dataclass(frozen=True)
class Loss:
    """What a change takes away, and what it leaves."""

    principals: Collection[str]
    """ARNs whose access entries go."""
    administrators: Collection[str] = ()
    """Those that are administrators by their entries. Where nobody said, the cluster is asked."""
    break_glass: Collection[str] = ()
    """ARNs that may go, whatever it means."""
    stays_administered: bool = False
    """Whether the declaration itself leaves an administrator."""


class WaysIn:
    """The ways into one cluster, as far as anybody asks."""

    def __init__(self, props: Properties, credentials: str) -> None:
        """`props`: `cluster_name`, `region`, and `cluster_arn` and `kubeconfig` where there are such."""
        self.api = EksApi.of(props, credentials)
        self._who = WhoIsWho(props["region"], credentials)
        self._kubeconfig: str | None = props.get("kubeconfig")

    def refusals(self, loss: Loss) -> list[Problem]:
        """What must not be taken away. Raises `AwsError` and `ClusterError` where that cannot be seen."""
        principals = lockout.without(loss.principals, loss.break_glass)
        administrators = [] if loss.stays_administered else lockout.without(loss.administrators, loss.break_glass)
        if not principals and not administrators:
            return []
        mode = self.api.mode()
        if mode is None or not mode.reads_access_entries:
            return []
        own = [lockout.own_way_in(arn) for arn in principals if self._locks_out_caller(arn, mode)]
        last = [lockout.last_administrator(arn) for arn in self._last_administrators(administrators, loss, mode)]
        return own + last

    def callers(self) -> list[Principal]:
        """Whoever runs this: towards AWS, and, where the kubeconfig assumes a role, towards the cluster."""
        found = [lockout.principal_of(self._who.caller()[1])]
        role = kubeconfigs.assumed_role(self._kubeconfig) if self._kubeconfig else None
        if role is not None:
            found.append(Principal.parse(role))
        return [principal for principal in found if principal is not None]

    @cached_property
    def _callers(self) -> list[Principal]:
        return self.callers()

    def _locks_out_caller(self, arn: str, mode: AuthenticationMode) -> bool:
        who = Principal.parse(arn)
        return (
            any(lockout.same_principal(who, caller) for caller in self._callers)
            and self.api.entry(arn) is not None
            and not (mode.reads_aws_auth and lockout.aws_auth_lets_in(self._aws_auth, who))
        )

    def _last_administrators(self, lost: Collection[str], loss: Loss, mode: AuthenticationMode) -> Collection[str]:
        """Those of `lost` with whom the last administrator would go."""
        if not lost:
            return []
        going = [*loss.principals, *loss.administrators]
        administrators = self._administrators(Principal.parse(next(iter(lost))).partition)
        now = [arn for arn in administrators if lockout.among(arn, lost)]
        if not now or lockout.without(administrators, going):
            return []
        return [] if mode.reads_aws_auth and lockout.aws_auth_administrators(self._aws_auth, self._bound) else now

    def _administrators(self, partition: Partition) -> list[str]:
        """Principals whose entries make them administrators: by the access policy, or by a binding in the cluster."""
        # Most clusters bind nobody who has an entry: then EKS itself says whom to look at.
        policy = None if self._bound else access_policy_arn(partition, CLUSTER_ADMIN)
        entries = filter(None, map(self.api.entry, self.api.principals(policy)))
        return [
            entry.principal_arn
            for entry in entries
            if entry.is_cluster_admin or is_one_of(self._bound, entry.username, entry.groups)
        ]

    @cached_property
    def _bound(self) -> frozenset[Subject]:
        """Whom bindings make administrators; nobody, where the cluster cannot be asked: a private one may be far."""
        try:
            return cluster_api.bound_administrators(self._kubeconfig) if self._kubeconfig else frozenset()
        except ClusterError as error:
            say_once(f"cannot see who is an administrator by ClusterRole cluster-admin: {error}")
            return frozenset()

    @cached_property
    def _aws_auth(self) -> AwsAuth:
        """What aws-auth says; nothing, where there is no kubeconfig to ask with."""
        return AwsAuthConfigMap(self._kubeconfig).read() if self._kubeconfig else AwsAuth()
