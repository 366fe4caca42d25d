"""Access entries, aws-auth and RBAC of one cluster, as AWS and its API server describe them now, and its callers."""

from collections.abc import Iterator
from functools import cached_property

from eks_identity import clients
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
from eks_identity.runtime.dynamic_provider import Properties, has_unknowns

_TOKEN_SESSION = "EKSGetTokenAuth"  # noqa: S105 - a session's name
"""The session name of `aws eks get-token --role-arn`."""


class LiveCluster:
    """One cluster, whose parts are read once, at first use. Raises `AwsError` or `ClusterError` if that fails."""

    def __init__(self, props: Properties, credentials: str) -> None:
        """`props`: `cluster_name` and `region`; optionally `cluster_arn` and `kubeconfig`.

        Without a kubeconfig neither aws-auth nor RBAC is read: only access entries and their policies count.
        """
        self.api = clients.EksApi.of(props, credentials)
        self._iam = clients.IamLookup(props["region"], credentials)
        kubeconfig = props.get("kubeconfig")
        self.kubeconfig: str | None = None if has_unknowns(kubeconfig) else kubeconfig
        self._entries: dict[str, ExistingEntry | None] = {}

    @cached_property
    def mode(self) -> AuthenticationMode | None:
        """The authentication mode; None if the cluster does not exist."""
        return self.api.get_authentication_mode()

    def state(self) -> ClusterState:
        """Return the cluster's current state."""
        assert self.mode is not None
        return ClusterState(self.mode, self.entry, self.aws_auth, self.cluster_rbac, self.namespaced_rbac)

    @cached_property
    def callers(self) -> list[Caller]:
        """The principal that calls AWS, and the role that the kubeconfig assumes to call the cluster."""
        callers = [Caller.of(self._iam.get_caller_identity()[1])]
        role = kubeconfigs.assumed_role(self.kubeconfig) if self.kubeconfig else None
        if role is not None:
            callers.append(Caller(Principal.parse(role), _TOKEN_SESSION))
        return [caller for caller in callers if caller is not None]

    def entry(self, principal: Principal) -> ExistingEntry | None:
        """Return the access entry of a principal; None if there is none.

        A role without a path matches the entry of the same role with a path: ARNs of aws-auth and of sessions have no
        path.
        """
        if not self._reads_access_entries:
            return None
        if principal.arn not in self._entries:
            entry = self.api.describe_access_entry(principal.arn)
            if entry is None and principal.kind is PrincipalKind.ROLE and principal.path == "/":
                same = (arn for arn in self.entry_arns if lockout.is_listed(arn, [principal.arn]))
                entry = next(filter(None, map(self.api.describe_access_entry, same)), None)
            self._entries[principal.arn] = entry
        return self._entries[principal.arn]

    @cached_property
    def entry_arns(self) -> list[str]:
        """Principal ARNs of all access entries."""
        return self.api.list_access_entries() if self._reads_access_entries else []

    def cluster_admins(self) -> Iterator[Principal]:
        """Yield the principals whose access entry has AmazonEKSClusterAdminPolicy, in any access scope."""
        description = self.api.describe_cluster()
        if description is not None and self._reads_access_entries:
            policy = access_policy_arn(Arn.parse(description["arn"]).partition, CLUSTER_ADMIN)
            yield from map(Principal.parse, self.api.list_access_entries(policy))

    def aws_auth(self) -> AwsAuth:
        """Return the ConfigMap aws-auth."""
        return self._aws_auth

    def cluster_rbac(self) -> Rbac:
        """Return ClusterRoles and ClusterRoleBindings."""
        return self._cluster_rbac

    def namespaced_rbac(self) -> Rbac:
        """Return RoleBindings, and the roles that they may refer to."""
        return self._namespaced_rbac

    @property
    def _reads_access_entries(self) -> bool:
        return self.mode is not None and self.mode.reads_access_entries

    @cached_property
    def _aws_auth(self) -> AwsAuth:
        if self.kubeconfig is None:
            return AwsAuth()
        try:
            return clients.AwsAuthConfigMap(self.kubeconfig).read()
        except clients.CLIENT_ERRORS as error:  # the client cannot be created, such as with an invalid CA certificate
            raise clients.cluster_error(error, f"aws-auth cannot be read: {error}", "in") from error

    @cached_property
    def _cluster_rbac(self) -> Rbac:
        return clients.read_cluster_rbac(self.kubeconfig) if self.kubeconfig else Rbac()

    @cached_property
    def _namespaced_rbac(self) -> Rbac:
        return clients.read_namespaced_rbac(self.kubeconfig) if self.kubeconfig else Rbac()


def mapped_principals(document: AwsAuth) -> list[Principal]:
    """Return the principals that aws-auth maps by ARN. Entries with an invalid ARN are skipped."""
    principals = []
    for entry in document.entries:
        try:
            principals.append(Principal.parse(entry.arn))
        except InvalidInput:
            continue
    return principals


def bound_account_principals(document: AwsAuth, rbac: Rbac) -> list[Principal]:
    """Return the principals of `mapAccounts` that a binding names. Their Kubernetes username is their ARN."""
    accounts = [account for account in document.accounts if account is not None]
    principals = []
    for subject in {subject for binding in rbac.bindings.values() for subject in binding.subjects}:
        try:
            principal = Principal.parse(subject.name)
        except InvalidInput:
            continue
        if subject.kind == "User" and principal.account in accounts:
            principals.append(principal)
    return principals
