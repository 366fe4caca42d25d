"""One cluster as AWS and its API server describe it now: access entries, aws-auth, RBAC, and who the caller is."""

from collections.abc import Iterator
from functools import cached_property

from eks_identity.access.aws_auth_config_map import AwsAuthConfigMap
from eks_identity.clients import kubernetes_api
from eks_identity.clients.eks_api import EksApi, WhoIsWho
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.cluster_rights import ClusterState
from eks_identity.evaluation.rbac import Rbac
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model import lockout
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.access_policies import CLUSTER_ADMIN, access_policy_arn
from eks_identity.model.arns import Arn, Principal, PrincipalKind
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.lockout import Caller
from eks_identity.runtime.dynamic_provider import Properties, is_unknown

_TOKEN_SESSION = "EKSGetTokenAuth"  # noqa: S105 - a session's name
"""The name that `aws eks get-token --role-arn` gives its session."""


class LiveCluster:
    """Reads each part once, when it is needed. Raises `AwsError` and `ClusterError` if it cannot be read."""

    def __init__(self, props: Properties, credentials: str) -> None:
        """`props`: `cluster_name`, `region`, and `cluster_arn` and `kubeconfig` if there are such.

        Without a kubeconfig neither aws-auth nor RBAC is read: then only access entries and their policies count.
        """
        self.api = EksApi.of(props, credentials)
        self._who = WhoIsWho(props["region"], credentials)
        kubeconfig = props.get("kubeconfig")
        self.kubeconfig: str | None = None if is_unknown(kubeconfig) else kubeconfig
        self._entries: dict[str, ExistingEntry | None] = {}

    @cached_property
    def mode(self) -> AuthenticationMode | None:
        """The authentication mode; None if there is no such cluster."""
        return self.api.mode()

    def state(self) -> ClusterState:
        """The cluster's state now."""
        assert self.mode is not None
        return ClusterState(self.mode, self.entry, self.aws_auth, self.cluster_rbac, self.namespaced_rbac)

    @cached_property
    def callers(self) -> list[Caller]:
        """The principal that queries AWS, and the role that the kubeconfig assumes towards the cluster."""
        found = [Caller.of(self._who.caller()[1])]
        role = kubeconfigs.assumed_role(self.kubeconfig) if self.kubeconfig else None
        if role is not None:
            found.append(Caller(Principal.parse(role), _TOKEN_SESSION))
        return [caller for caller in found if caller is not None]

    def entry(self, who: Principal) -> ExistingEntry | None:
        """The access entry of a principal. A role is found whatever its path: aws-auth and sessions have none."""
        if self.mode is None or not self.mode.reads_access_entries:
            return None
        if who.arn not in self._entries:
            found = self.api.entry(who.arn)
            if found is None and who.kind is PrincipalKind.ROLE and who.path == "/":
                same = (arn for arn in self.principals if lockout.among(arn, [who.arn]))
                found = next(filter(None, map(self.api.entry, same)), None)
            self._entries[who.arn] = found
        return self._entries[who.arn]

    @cached_property
    def principals(self) -> list[str]:
        """ARNs of all principals with an access entry."""
        return self.api.principals() if self.mode is not None and self.mode.reads_access_entries else []

    def cluster_admins(self) -> Iterator[Principal]:
        """Principals with an access entry that has AmazonEKSClusterAdminPolicy, in whatever scope."""
        described = self.api.cluster()
        if described is not None and self.mode is not None and self.mode.reads_access_entries:
            policy = access_policy_arn(Arn.parse(described["arn"]).partition, CLUSTER_ADMIN)
            yield from map(Principal.parse, self.api.principals(policy))

    def aws_auth(self) -> AwsAuth:
        """The ConfigMap aws-auth."""
        return self._aws_auth

    def cluster_rbac(self) -> Rbac:
        """ClusterRoles and ClusterRoleBindings."""
        return self._cluster_rbac

    def namespaced_rbac(self) -> Rbac:
        """RoleBindings, and the roles that they may refer to."""
        return self._namespaced_rbac

    @cached_property
    def _aws_auth(self) -> AwsAuth:
        if self.kubeconfig is None:
            return AwsAuth()
        try:
            return AwsAuthConfigMap(self.kubeconfig).read()
        except kubernetes_api.FAILURES as error:  # no client can be created: a certificate authority that is none
            raise kubernetes_api.explained(error, f"aws-auth cannot be read: {error}", "in") from error

    @cached_property
    def _cluster_rbac(self) -> Rbac:
        return kubernetes_api.rbac(self.kubeconfig) if self.kubeconfig else Rbac()

    @cached_property
    def _namespaced_rbac(self) -> Rbac:
        return kubernetes_api.namespaced_rbac(self.kubeconfig) if self.kubeconfig else Rbac()


def mapped(document: AwsAuth) -> list[Principal]:
    """The principals that aws-auth maps by their ARNs."""
    found = []
    for entry in document.entries:
        try:
            found.append(Principal.parse(entry.arn))
        except InvalidInput:
            continue
    return found


def bound_by_account(document: AwsAuth, rbac: Rbac) -> list[Principal]:
    """Principals that `mapAccounts` lets in and that a binding names: by their ARN, which is their username then."""
    accounts = [account for account in document.accounts if account is not None]
    found = []
    for subject in {subject for binding in rbac.bindings.values() for subject in binding.subjects}:
        try:
            who = Principal.parse(subject.name)
        except InvalidInput:
            continue
        if subject.kind == "User" and who.account in accounts:
            found.append(who)
    return found
