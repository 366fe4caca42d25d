"""An access entry that adopts an existing one: the creator's, one that EKS created, or one of another tool.

`aws.eks.AccessEntry` creates entries, and fails with a 409 if the principal has one. docs/adr/0007 explains why
adoption is a resource of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.runtime.rpc import UNKNOWN

from eks_identity.access import run_state
from eks_identity.access.live_access_entry import (
    LiveAccessEntry,
    describe,
    reject_other_type,
    unreadable_entry_problem,
)
from eks_identity.access.live_cluster import LiveCluster
from eks_identity.access.lockout import GuardedChange, LockoutReview
from eks_identity.clusters.connections import parse_location
from eks_identity.clusters.literal_principals import reject_literal_of_new_identity
from eks_identity.errors import AwsError, ClusterError, InvalidInput, MalformedDocumentError
from eks_identity.evaluation.access_changes import AccessChange, DeclaredAccess, DeclaredEntry
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model import lockout
from eks_identity.model import tags as tag_rules
from eks_identity.model.access_entries import EntrySpec
from eks_identity.model.arns import principal_arn
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.runtime import credentials
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import (
    EksIdentityProvider,
    Properties,
    changed_properties,
    check_result,
    cluster_changes,
    differing_properties,
    has_other_credentials,
    has_unknowns,
    print_message,
    provider_reference,
    remember_credentials,
)
from eks_identity.runtime.inputs import Inputs, parsed_by

_IDENTITY = ("cluster_name", "region", "principal_arn")
_SETTINGS = ("username", "groups", "tags")
_STATE_ONLY = ("cluster_arn", "allow_lockout_of", "kubeconfig", "guarded")
"""Inputs that are not part of the entry in EKS."""
_NOT_SETTINGS = (*_IDENTITY, *_STATE_ONLY, "credentials", "takes_over")


class AccessEntryArgs(TypedDict):
    """The access entry of one principal, created or adopted."""

    cluster_name: pulumi.Input[str]
    """The cluster's name in EKS."""
    region: pulumi.Input[str]
    """The cluster's region. Credentials are those of the aws provider in the options; without one those of the profile
    in the config's `eks-identity:profile`, in Python programs of `aws:profile` too, or the environment's."""
    cluster_arn: NotRequired[pulumi.Input[str]]
    """The cluster's ARN. Credentials of another account are rejected: that account may have a cluster of the same
    name."""
    principal_arn: pulumi.Input[str]
    """ARN of the IAM user, role or account root, with its path. If Pulumi replaces the role, the entry stays with the
    former role (EKS); `ClusterAccess` without `adopt` replaces its entries."""
    username: NotRequired[pulumi.Input[str]]
    """Kubernetes username. Default: the IAM user's name, or `<role>:{{SessionName}}`."""
    groups: NotRequired[list[pulumi.Input[str]]]
    """All Kubernetes groups of the entry. None may begin with `system:`."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the entry, at most 50 together with existing tags of other writers, which stay."""
    allow_lockout_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals whose entry may be deleted although it gives the caller access, or the last administrator.
    When the entry is deleted, the value of the last update counts."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """Kubeconfig of the cluster, so that access by aws-auth counts too; without it, only access entries count. Kept as
    a secret."""
    guarded: NotRequired[bool]
    """A `LockoutGuard` has this entry and rejects a lockout, so the entry itself does not evaluate one."""


@dataclass(frozen=True)
class _Options:
    """The inputs that do not depend on another one."""

    allow_lockout_of: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True, default=())
    kubeconfig: pulumi.Input[str] | None = parsed_by(kubeconfigs.require_usable)
    guarded: bool = parsed_by(bool, default=False)


class AccessEntry(
    EksIdentityResource, provider=provider_reference("AccessEntryProvider"), secrets=["kubeconfig", "credentials"]
):
    """The access entry of one principal, of type STANDARD: created, or adopted if it exists.

    Adoption changes username, groups and tags in place: the entry exists at every moment, and its access policies stay.
    The preview shows the entry's former values in `takes_over`. Another principal or cluster is another entry.

    Rejected at preview: an existing entry of another type, and every input that EKS would reject. Rejected at deletion,
    with nothing deleted: the entry that gives the caller its only access, and the last administrator's, unless
    `allow_lockout_of` names the principal. An adopted entry is deleted like a created one.
    """

    principal_arn: pulumi.Output[str]
    """The principal's ARN, with its path."""
    username: pulumi.Output[str]
    """The Kubernetes username."""
    groups: pulumi.Output[list[str]]
    """All Kubernetes groups of the entry."""
    tags: pulumi.Output[dict[str, str]]
    """All declared tags of the entry."""
    access_entry_arn: pulumi.Output[str]
    """The ARN of the entry."""
    takes_over: pulumi.Output[str]
    """Former values of an adopted entry; empty for a created one."""

    @overload
    def __init__(
        self, resource_name: str, args: AccessEntryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[AccessEntryArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: AccessEntryArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'AccessEntry "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, AccessEntryArgs) as inputs:
            fields = [args["principal_arn"], args.get("groups", []), args.get("username")]
            entry: pulumi.Output[EntrySpec] = pulumi.Output.from_input(inputs.parse("", fields, _parse_entry))
            location = parse_location(inputs, args)
            options = inputs.read(_Options)
            tags = inputs.text_values("tags", args.get("tags", {}))
            inputs.reject(*(problem.with_prefix("tags") for problem in tag_rules.problems(tags, keys_have_case=True)))
        reject_literal_of_new_identity(inputs, "principal_arn", entry.apply(lambda spec: spec.principal))
        props = {
            **location,
            "credentials": credentials.resource_credentials(opts),
            "principal_arn": entry.apply(lambda spec: spec.principal.arn),
            "username": entry.apply(lambda spec: spec.username or spec.principal.default_username),
            "groups": entry.apply(lambda spec: list(spec.kubernetes_groups)),
            "tags": tags,
            "allow_lockout_of": options.allow_lockout_of,
            "kubeconfig": options.kubeconfig,
            "guarded": options.guarded,
            "access_entry_arn": None,
            "takes_over": None,
        }
        super().__init__(resource_name, props, opts)


class AccessEntryProvider(EksIdentityProvider):
    """The dynamic provider of `AccessEntry`. The resource's id is `<region>/<cluster>/<principal ARN>`."""

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Reject what EKS would reject and what cannot be adopted; print what is adopted. Runs in previews."""
        remember_credentials(news)
        if has_unknowns([news.get(name) for name in (*_IDENTITY, "username", "groups", "credentials")]):
            return CheckResult({**news, "takes_over": UNKNOWN}, [])
        run, key = run_state.current_run(self), run_state.entry_keys(news, [news["principal_arn"]])
        run.adopted_entry_keys |= key
        if key <= run.removed_entry_keys:
            return check_result(news, run_state.moved_entry_problems(key))
        try:
            EntrySpec.of(news["principal_arn"], news["groups"], news["username"])
            is_same = bool(_olds) and not _replaced_by(_olds, news)
            if not news.get("guarded") and (not is_same or changed_properties(_olds, news, "username", "groups")):
                self._reject_lockout(news, AccessChange(DeclaredAccess(), _declared(news)), self.credentials(news))
            if is_same:
                return CheckResult({**news, "takes_over": _olds.get("takes_over", "")}, [])
            existing = LiveAccessEntry(news, self.credentials(news)).read()
            reject_other_type(existing)
        except InvalidInput as error:
            return check_result(news, error.problems)
        except AwsError as error:
            return check_result(news, [unreadable_entry_problem(news["principal_arn"], error)])
        if existing is not None:
            print_message(
                f"adopts the access entry of {existing.principal_arn}\n  before: {existing}\n  after: {describe(news)}"
            )
        return CheckResult({**news, "takes_over": "" if existing is None else str(existing)}, [])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Return a replacement for another principal or cluster, and else a change in place."""
        replaces = _replaced_by(_olds, _news)
        changes = differing_properties(_olds, _news, *_SETTINGS, *_STATE_ONLY)
        return DiffResult(bool(replaces or changes) or has_other_credentials(_olds, _news), replaces)

    def create(self, props: Properties) -> CreateResult:
        """Create the entry; change an existing one in place, which keeps its access policies."""
        entry = LiveAccessEntry(props, self.credentials(props))
        if not entry.create():
            entry.update(old_tags={})
        id_ = f"{props['region']}/{props['cluster_name']}/{props['principal_arn']}"
        return CreateResult(id_, _outputs(props, entry.read_back()))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """Return the current values of the entry, without the tags of other writers."""
        entry = LiveAccessEntry(props, self.kept_credentials(props)).read()
        if entry is None:
            return ReadResult("", {})
        tags = {key: entry.tags[key] for key in props.get("tags") or {} if key in entry.tags}
        inputs = {name: props[name] for name in _NOT_SETTINGS if props.get(name) is not None}
        inputs |= {"username": entry.username, "groups": list(entry.groups), "tags": tags}
        return ReadResult(id_, {**inputs, "access_entry_arn": entry.arn}, inputs)

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Change the entry in place; create it if it was deleted outside this program."""
        entry = LiveAccessEntry(_news, self.credentials(_news))
        if entry.read() is None:
            return UpdateResult(self.create(_news).outs)
        entry.update(old_tags=_olds.get("tags") or {})
        return UpdateResult(_outputs(_news, entry.read_back()))

    def delete(self, _id: str, _props: Properties) -> None:
        """Delete the entry, created or adopted. Reject a lockout, unless a `LockoutGuard` has the entry.

        An entry that the program still declares under another name stays.
        """
        run = run_state.current_run(self)
        if run_state.entry_keys(_props, [_props["principal_arn"]]) <= run.adopted_entry_keys:
            print_message(
                f"the access entry of {_props['principal_arn']} stays: this program declares it under another name now"
            )
            return
        if not _props.get("guarded"):
            change = AccessChange(_declared(_props), DeclaredAccess())
            self._reject_lockout(_props, change, self.kept_credentials(_props))
        LiveAccessEntry(_props, self.kept_credentials(_props)).delete()

    @staticmethod
    def _reject_lockout(props: Properties, access: AccessChange, credentials: str) -> None:
        """Raise `InvalidInput` if the caller or the last administrator would lose access."""
        principal = props["principal_arn"]
        change = GuardedChange(access, props.get("allow_lockout_of") or [])
        try:
            problems = LockoutReview(LiveCluster(props, credentials), change).problems()
        except (ClusterError, MalformedDocumentError) as error:
            problems = [lockout.unreadable_access_problem([principal], str(error))]
        if problems:
            raise InvalidInput(problems, subject=f"access entry of {principal} in {props['cluster_name']}")


def _parse_entry(fields: Sequence[Any]) -> EntrySpec:
    principal_arn, groups, username = fields
    try:
        return EntrySpec.of(principal_arn, groups, username)
    except InvalidInput as error:
        raise InvalidInput(
            replace(problem, input=problem.input.removeprefix("kubernetes_")) for problem in error.problems
        ) from None


def _outputs(props: Properties, entry: ExistingEntry) -> Properties:
    outputs = {name: props[name] for name in (*_NOT_SETTINGS, *_SETTINGS) if name in props}
    return {**outputs, "access_entry_arn": entry.arn}


def _declared(props: Properties) -> DeclaredAccess:
    return DeclaredAccess((DeclaredEntry(props["principal_arn"], props["username"], tuple(props["groups"])),))


def _replaced_by(olds: Properties, news: Properties) -> list[str]:
    """Return the changed properties that make it another entry."""
    return [*cluster_changes(olds, news), *changed_properties(olds, news, "principal_arn")]
