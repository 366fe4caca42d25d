"""A resource that rejects a change of the program after which the caller or the last administrator has no access.

The entries themselves cannot: the engine deletes an entry that is removed from the program at the end of the update,
and no preview calls its provider. So one resource has all entries of a declaration in its state, and compares the
declared access with the access of the last update.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, Self, TypedDict, Unpack, overload

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from eks_identity import clients
from eks_identity.access import run_state
from eks_identity.access.live_cluster import LiveCluster
from eks_identity.access.lockout import GuardedChange, LockoutReview, change_between, removal_of
from eks_identity.clusters.connections import parse_location
from eks_identity.errors import AwsError, ClusterError, InvalidInput, MalformedDocumentError, Problem
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model import lockout
from eks_identity.model.arns import principal_arn
from eks_identity.runtime import credentials
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import (
    EksIdentityProvider,
    Properties,
    check_result,
    cluster_changes,
    has_other_credentials,
    has_unknowns,
    print_message,
    print_message_once,
    provider_reference,
    remember_credentials,
)
from eks_identity.runtime.inputs import Inputs, parsed_by

_STATE_FIELDS = ("cluster_arn", "principals", "administrators", "allow_lockout_of", "adopted", "kubeconfig", "declared")


class LockoutGuardArgs(TypedDict):
    """The principals with access to a cluster by one declaration, and the administrators among them."""

    cluster_name: pulumi.Input[str]
    """The cluster's name in EKS."""
    region: pulumi.Input[str]
    """The cluster's region. Credentials are those of the aws provider in the options; without one those of the profile
    in the config's `eks-identity:profile`, in Python programs of `aws:profile` too, or the environment's."""
    cluster_arn: NotRequired[pulumi.Input[str]]
    """The cluster's ARN. Credentials of another account are rejected: that account may have a cluster of the same
    name."""
    principals: list[pulumi.Input[str]]
    """ARNs of all principals with an access entry of this declaration."""
    administrators: list[pulumi.Input[str]]
    """ARNs of the administrators among them, who have the access policy AmazonEKSClusterAdminPolicy for the whole
    cluster or a ClusterRoleBinding to a role that allows everything. The guard trusts this list."""
    allow_lockout_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals that may lose access although they are the caller or the last administrator."""
    adopted: NotRequired[bool]
    """The entries are `AccessEntry`. Rejected for a principal whose entry this declaration created: the deletion of the
    former resource would delete the entry after the new one adopted it."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """Kubeconfig of the cluster, so that aws-auth and RBAC count too; without it, only access entries and their
    policies count. Kept as a secret."""


@dataclass(frozen=True)
class _Inputs:
    """The inputs besides the cluster's name, region and ARN."""

    principals: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True)
    administrators: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True)
    allow_lockout_of: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True, default=())
    adopted: bool = parsed_by(bool, default=False)
    kubeconfig: pulumi.Input[str] | None = parsed_by(kubeconfigs.require_usable)


class LockoutGuard(
    EksIdentityResource, provider=provider_reference("LockoutGuardProvider"), secrets=["kubeconfig", "credentials"]
):
    """Rejects a change after which the caller has fewer rights in the cluster, or the cluster has no administrator.

    Make it depend on the entries that it guards: then a change is rejected in its preview, and the removal of the whole
    declaration before the first entry is deleted. It queries AWS and the cluster only if something changes, and changes
    nothing there. If a required part cannot be read, the change is rejected.

    A principal in `allow_lockout_of` may lose access. A change uses the program's list, a removal the list of the last
    update.
    """

    principals: pulumi.Output[list[str]]
    """ARNs of all principals with access, as of the last update."""
    administrators: pulumi.Output[list[str]]
    """ARNs of the administrators among them, as of the last update."""

    @overload
    def __init__(
        self, resource_name: str, args: LockoutGuardArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[LockoutGuardArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: LockoutGuardArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'LockoutGuard "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, LockoutGuardArgs) as inputs:
            location = parse_location(inputs, args)
            values = inputs.read(_Inputs)
        self._register(resource_name, {**location, **vars(values)}, opts)

    @classmethod
    def of_declaration(
        cls, name: str, props: Mapping[str, Any], declared: dict[str, Any], opts: pulumi.ResourceOptions
    ) -> Self:
        """Return a guard of a ClusterAccess, which has parsed `props`. The guard evaluates the access in `declared`."""
        guard = cls.__new__(cls)
        guard._register(name, {**props, "declared": declared}, opts)  # noqa: SLF001 - its own
        return guard

    def _register(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(name, {**props, "credentials": credentials.resource_credentials(opts)}, opts)


class LockoutGuardProvider(EksIdentityProvider):
    """The dynamic provider of `LockoutGuard`. It compares the declared access with the access of the last update.

    Properties are those of `LockoutGuardArgs`, and `declared` from ClusterAccess. The resource's id is
    `<region>/<cluster>`.
    """

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Reject a lockout. Runs in previews, and queries AWS only if something changes."""
        remember_credentials(news)
        if has_unknowns([_olds, news.get("cluster_name"), news.get("credentials")]):
            return CheckResult(news, [])
        run = run_state.current_run(self)
        declared_keys = run_state.entry_keys(news, news["principals"])
        run.guarded_entry_keys |= declared_keys
        is_new = not _olds or bool(cluster_changes(_olds, news))
        removed_keys = run_state.entry_keys(news, [] if is_new else _olds["principals"]) - declared_keys
        run.removed_entry_keys |= removed_keys
        try:
            problems = self._account_problems(news) if is_new else _own_adoption_problems(_olds, news)
            problems += run_state.moved_entry_problems(removed_keys & run.adopted_entry_keys)
            return check_result(news, problems or self._lockout_problems({} if is_new else _olds, news))
        except InvalidInput as error:
            return check_result(news, error.problems)
        except (AwsError, ClusterError, MalformedDocumentError) as error:
            change, _ = change_between({} if is_new else _olds, news)
            return check_result(news, [lockout.unreadable_access_problem(set(change.affected), str(error))])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Return a replacement for another cluster, and else a change of the state."""
        replaces = cluster_changes(_olds, _news)
        is_changed = any(_olds.get(name) != _news.get(name) for name in _STATE_FIELDS)
        return DiffResult(bool(replaces) or is_changed or has_other_credentials(_olds, _news), replaces)

    def create(self, props: Properties) -> CreateResult:
        """Record the access in the state."""
        return CreateResult(f"{props['region']}/{props['cluster_name']}", _state(props))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """Return the state: AWS has nothing to compare it with."""
        return ReadResult(id_, _state(props))

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Record the access in the state."""
        return UpdateResult(_state(_news))

    def delete(self, _id: str, _props: Properties) -> None:
        """Reject the removal of the declaration, before its entries are deleted, if it is a lockout.

        The removal is accepted if the cluster does not exist.
        """
        run = run_state.current_run(self)
        keys = run_state.entry_keys(_props, _props["principals"])
        problems = run_state.renamed_declaration_problems(keys & (run.adopted_entry_keys | run.guarded_entry_keys))
        subject = f"access to EKS cluster {_props['cluster_name']}"
        if problems:
            raise InvalidInput(problems, subject=subject)
        try:
            live = LiveCluster(_props, self.kept_credentials(_props))
            problems = self._review(live, removal_of(_props), run_state.cluster_key(_props))
        except (AwsError, ClusterError, MalformedDocumentError) as error:
            problems = [lockout.unreadable_access_problem(_props["principals"], str(error))]
        if problems:
            raise InvalidInput(problems, subject=subject)

    def _lockout_problems(self, olds: Properties, news: Properties) -> list[Problem]:
        change, undecided = change_between(olds, news)
        if undecided:
            print_message(
                f"{', '.join(undecided)}: whether this locks out the caller or the last administrator is evaluated in "
                "the update: some principals are unknown in this preview"
            )
        props = olds if olds and has_unknowns(news.get("kubeconfig")) else news
        return self._review(LiveCluster(props, self.credentials(news)), change, run_state.cluster_key(news))

    def _review(self, live: LiveCluster, change: GuardedChange, cluster: run_state.Key) -> list[Problem]:
        """Return the problems of the change; record an accepted change for the evaluation of other declarations."""
        run, review = run_state.current_run(self), LockoutReview(live, change)
        if not review.is_needed:
            return []
        with run.lock:
            problems = review.problems(run.accepted_changes[cluster])
            if not problems:
                run.accepted_changes[cluster].append(change.access)
        return problems

    def _account_problems(self, news: Properties) -> list[Problem]:
        """Return the problem of credentials of another account, in which the guard would query another cluster."""
        try:
            clients.EksApi.of(news, self.credentials(news)).require_account()
        except InvalidInput as error:
            return list(error.problems)
        except AwsError as error:
            print_message_once(
                f"cannot verify that the credentials are of the account of {news['cluster_name']}: {error}"
            )
        return []


def _own_adoption_problems(olds: Properties, news: Properties) -> list[Problem]:
    if olds.get("adopted") or not news.get("adopted"):
        return []
    rule = "must be omitted for an entry that this declaration created: the old resource would delete the adopted entry"
    fix = "remove adopt, and declare the principals to adopt in another declaration"
    both = [arn for arn in news["principals"] if not has_unknowns(arn) and lockout.is_listed(arn, olds["principals"])]
    return [Problem("adopt", rule, arn, fix) for arn in both]


def _state(props: Properties) -> Properties:
    names = ("cluster_name", "region", "credentials", *_STATE_FIELDS)
    return {name: props[name] for name in names if props.get(name) is not None}
