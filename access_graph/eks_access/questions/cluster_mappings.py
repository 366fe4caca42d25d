"""Access entries and aws-auth of a cluster side by side, with the principals that they map."""

from __future__ import annotations

from functools import cached_property

from eks_access.graph import AccessGraph
from eks_access.graph.access_graph import is_of_former_principal
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap
from eks_access.graph.tables import NotReadError
from eks_identity.errors import InvalidInput
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.aws_auth import Entry
from eks_identity.model.existing_entries import ExistingEntry


class ClusterMappings:
    """All mappings of a cluster. Raises `NotReadError` if the source that the authentication mode needs is not read."""

    def __init__(self, graph: AccessGraph) -> None:
        self.graph = graph
        self.mode = graph.authentication_mode()
        self.entries: dict[str, ExistingEntry] = {}
        self.aws_auth = AwsAuthConfigMap()
        if self.mode.reads_access_entries:
            self.entries = dict(graph.entries.all())
        graph.principals.prefetch()
        try:
            self.aws_auth = graph.aws_auth.get()
        except NotReadError:
            # The mode API ignores it; in the other modes the list without it would be wrong.
            if self.mode is not AuthenticationMode.API:
                raise

    def arns(self) -> list[str]:
        """Return the ARN of each mapped principal once: an access entry has the path that aws-auth lacks."""
        arns = {Principal.parse(arn).aws_auth_arn.lower(): arn for arn in self.entries}
        for entry in self.aws_auth.document.entries:
            arns.setdefault(entry.arn.lower(), self.with_path(entry.arn))
        return sorted(arns.values())

    def with_path(self, arn: str) -> str:
        """Return the ARN of the existing principal that the authenticator matches with one of aws-auth."""
        return self._by_aws_auth_arn.get(arn.lower(), arn)

    @cached_property
    def _by_aws_auth_arn(self) -> dict[str, str]:
        try:
            return {Principal.parse(arn).aws_auth_arn.lower(): arn for arn in self.graph.principals.all()}
        except NotReadError:
            return {}

    def principal(self, arn: str) -> IamPrincipal | NotReadError | None:
        """Return the principal, None if it does not exist, or the error if that is not evaluated."""
        try:
            if Principal.parse(arn).kind is PrincipalKind.ROOT:
                return IamPrincipal(arn)
            return self.graph.principals.get(arn)
        except InvalidInput:
            return None
        except NotReadError as error:
            return error

    def is_dead(self, entry: ExistingEntry) -> bool:
        """Return whether an access entry is of a deleted principal whose ARN a newer one has."""
        principal = self.principal(entry.principal_arn)
        return isinstance(principal, IamPrincipal) and is_of_former_principal(entry, principal)


def matches_a_principal(entry: Entry) -> bool:
    """Return whether the authenticator can match the ARN of an entry in aws-auth."""
    try:
        return Principal.parse(entry.arn).aws_auth_arn.lower() == entry.arn.lower()
    except InvalidInput:
        return entry.is_of_federated_user


def without_path(arn: str) -> str:
    """Return an ARN as aws-auth has it, without the path of a role; another text unchanged."""
    try:
        return Principal.parse(arn).aws_auth_arn
    except InvalidInput:
        return arn
