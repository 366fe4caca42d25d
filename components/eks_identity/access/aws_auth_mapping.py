"""One entry of the aws-auth ConfigMap as a Pulumi resource, beside other writers of the same ConfigMap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from eks_identity import clients
from eks_identity.access import run_state
from eks_identity.access.aws_auth_lockout import AwsAuthLockoutCheck
from eks_identity.errors import EksIdentityError, InvalidInput, Problem
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.access_entries import EntryType
from eks_identity.model.arns import Principal, principal_arn, same_arn
from eks_identity.model.aws_auth import AwsAuth, UserMapping
from eks_identity.runtime import credentials, program_state
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import (
    EksIdentityProvider,
    Properties,
    check_result,
    differing_properties,
    has_unknowns,
    print_message,
    print_message_once,
    provider_reference,
)
from eks_identity.runtime.inputs import Inputs, parsed_by

_ENTRY = ("username", "groups")
"""Properties of the entry that change in place."""


class AwsAuthMappingArgs(TypedDict):
    """One entry of a cluster's aws-auth ConfigMap."""

    kubeconfig: pulumi.Input[str]
    """Kubeconfig of the cluster, in JSON or YAML, for example `Cluster.kubeconfig`. Kept as a secret."""
    arn: pulumi.Input[str]
    """ARN of the IAM user, role or account root. A role's path is removed, as required by aws-auth."""
    groups: NotRequired[list[pulumi.Input[str]]]
    """Kubernetes groups. Required, except with a `type` for nodes."""
    username: NotRequired[pulumi.Input[str]]
    """Kubernetes username. Default: the IAM user's name, or `<role>:{{SessionName}}`. Must be omitted with a `type` for
    nodes."""
    type: NotRequired[str]
    """`STANDARD` (the default), or the type of the nodes that have this role: `EC2_LINUX`, `EC2_WINDOWS`,
    `FARGATE_LINUX` or `HYBRID_LINUX`. The type sets username and groups. EKS itself maps the roles of managed node
    groups and of Fargate; it does not map those of self-managed node groups and of Karpenter."""
    adopt: NotRequired[bool]
    """Adopt an existing entry for this ARN, which is rejected by default. An entry of nodes is adopted only if nodes
    keep their username and all of their groups. It replaces `pulumi import`, which Pulumi does not have for dynamic
    resources."""
    allow_lockout_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals that may lose this access although it is the caller's or the last administrator's, and of node
    roles whose entry is removed with this mapping: by default it stays, because nodes could no longer authenticate.
    When the mapping is deleted or replaced, the value of the last update counts."""


@dataclass(frozen=True)
class _Options:
    """The inputs besides those of the entry itself."""

    kubeconfig: pulumi.Input[str] = parsed_by(kubeconfigs.require_usable)
    type: str = parsed_by(str, default=EntryType.STANDARD)
    adopt: bool = parsed_by(bool, default=False)
    allow_lockout_of: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True, default=())


class AwsAuthMapping(
    EksIdentityResource, provider=provider_reference("AwsAuthMappingProvider"), secrets=["kubeconfig", "credentials"]
):
    """One entry of aws-auth. Other writers may change other entries of the ConfigMap at the same time.

    The ConfigMap is read, one entry is changed, and the result is written with the `resourceVersion` that was read;
    after a conflict all three steps are repeated. Entries and comments of other writers stay. Deletion removes this
    entry only. Groups and username change in place; another ARN or cluster is another mapping.

    Rejected at preview: ARNs of sessions, empty usernames, groups of nodes without a type for nodes, an ARN with an
    existing mapping in this program or in the cluster (the error names both), and an immutable ConfigMap. Entries that
    the authenticator ignores are reported. Rejected as well: an edit after which the caller has fewer rights, or the
    cluster has no administrator (an update in its preview, a delete before the write). A stack with such an entry can
    be destroyed by another administrator, or with its ARN in `allow_lockout_of`. Access entries count too, if the
    kubeconfig names the EKS cluster; they are read with the credentials of the aws provider in the options, or of the
    environment.
    """

    arn: pulumi.Output[str]
    """The ARN in the entry."""
    username: pulumi.Output[str]
    """The Kubernetes username in the entry."""
    groups: pulumi.Output[list[str]]
    """The Kubernetes groups in the entry."""

    @overload
    def __init__(
        self, resource_name: str, args: AwsAuthMappingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[AwsAuthMappingArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: AwsAuthMappingArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'AwsAuthMapping "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, AwsAuthMappingArgs) as inputs:
            options = inputs.read(_Options)
            fields = [args["arn"], args.get("groups"), args.get("username"), options.type]
            mapping = inputs.parse("", fields, _parse_mapping)
            claim = inputs.parse("arn", [mapping, options.kubeconfig], partial(_claim_arn, resource_name))
        # A secret kubeconfig does not make the entry secret.
        both: Any = pulumi.Output.all(mapping, pulumi.Output.unsecret(pulumi.Output.from_input(claim)))
        parsed: pulumi.Output[UserMapping] = both.apply(lambda values: values[0])
        props = {
            "kubeconfig": options.kubeconfig,
            "credentials": credentials.resource_credentials(opts),
            "arn": parsed.apply(lambda mapping: mapping.arn),
            "username": parsed.apply(lambda mapping: mapping.username),
            "groups": parsed.apply(lambda mapping: list(mapping.groups)),
            **({} if options.type == EntryType.STANDARD else {"type": options.type}),
            "adopt": options.adopt,
            "allow_lockout_of": options.allow_lockout_of,
        }
        super().__init__(resource_name, props, opts)


def _parse_mapping(fields: Sequence[Any]) -> UserMapping:
    arn, groups, username, type_ = fields
    return UserMapping.of(arn, groups, username, type=type_)


def _claim_arn(name: str, parsed: Sequence[Any]) -> None:
    """Reject a mapping of an ARN that another resource of this program maps in the same cluster."""
    mapping, kubeconfig = parsed
    first = program_state.claim(name, "aws-auth", kubeconfigs.server(kubeconfig), mapping.arn.lower())
    if first != name:
        rule = "must be mapped once in a cluster, whatever its case: the authenticator keeps the last entry"
        fix = f'remove it from AwsAuthMapping "{first}" or from AwsAuthMapping "{name}"'
        raise InvalidInput([Problem("", rule, mapping.arn, fix)])


class AwsAuthMappingProvider(EksIdentityProvider):
    """The dynamic provider of `AwsAuthMapping`. The resource's id is the entry's ARN, unless that is secret.

    Properties: `kubeconfig` and `credentials` (secret), `arn`, `username`, `groups`, `type`, `adopt`,
    `allow_lockout_of`.
    """

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Reject what breaks a rule, and what creating or changing the entry would reject. Runs in previews.

        Problems of other entries, such as entries that the authenticator ignores, are printed and reject nothing.
        """
        if has_unknowns([news.get(name) for name in ("arn", "username", "groups")]):
            return CheckResult(news, [])
        try:
            mapping = _mapping(news)
        except InvalidInput as error:
            return check_result(news, error.problems)
        inputs = {**news, "arn": mapping.arn, "username": mapping.username, "groups": list(mapping.groups)}
        if (key := run_state.aws_auth_key(inputs)) is not None:
            run_state.current_run(self).aws_auth_keys.add(key)
        is_new = not _olds or not _has_same_arn(_olds, inputs) or not _has_same_cluster(_olds, inputs)
        if has_unknowns(news["kubeconfig"]) or not (is_new or differing_properties(_olds, inputs, *_ENTRY)):
            return CheckResult(inputs, [])
        edit = _add_entry(mapping, adopt=inputs.get("adopt", False)) if is_new else _update_entry(mapping, _olds)
        try:
            after = clients.AwsAuthConfigMap(news["kubeconfig"]).preview(
                edit, _lockout_check(inputs, self.credentials(inputs))
            )
        except InvalidInput as error:
            return check_result(inputs, error.problems)
        except EksIdentityError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        for problem in after.problems():
            print_message_once(f"aws-auth of {kubeconfigs.server(news['kubeconfig'])}: {problem}")
        return CheckResult(inputs, [])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Return a replacement for another ARN or cluster, and else a change in place."""
        replaces = [] if _has_same_arn(_olds, _news) else ["arn"]
        replaces += [] if _has_same_cluster(_olds, _news) else ["kubeconfig"]
        changes = differing_properties(_olds, _news, *_ENTRY, "kubeconfig", "allow_lockout_of")
        return DiffResult(changes=bool(replaces or changes), replaces=replaces)

    def create(self, props: Properties) -> CreateResult:
        """Add the entry; with `adopt`, change an existing one."""
        mapping = _mapping(props)
        # In a replacement that deletes first, the deletion was skipped and the entry still exists.
        is_retained = run_state.aws_auth_key(props) in run_state.current_run(self).retained_aws_auth_keys
        clients.AwsAuthConfigMap(props["kubeconfig"]).edit(
            _add_entry(mapping, adopt=props.get("adopt") or is_retained),
            _lockout_check(props, self.credentials(props)),
        )
        return CreateResult(mapping.arn, _outputs(props, mapping))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """Return the current entry, so that a refresh shows changes of other writers, or that it was removed."""
        document = clients.AwsAuthConfigMap(props["kubeconfig"]).read()
        entries = document.find(props["arn"])
        if not entries:
            document.require_readable(_mapping_of_state(props).key)
            return ReadResult("", {})
        # Of several entries the authenticator keeps the last one.
        entry = entries[-1]
        current = _outputs(props, UserMapping(entry.arn, entry.username or "", entry.groups))
        return ReadResult(id_, current, current)

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Change the entry in place; add it if another writer removed it."""
        mapping = _mapping(_news)
        clients.AwsAuthConfigMap(_news["kubeconfig"]).edit(
            _update_entry(mapping, _olds), _lockout_check(_news, self.credentials(_news))
        )
        return UpdateResult(_outputs(_news, mapping))

    def delete(self, _id: str, _props: Properties) -> None:
        """Remove the entry, and no other one for the same ARN.

        An entry of nodes is removed only if `allow_lockout_of` names its role, because nodes could no longer
        authenticate; else it stays, with a warning. An entry that the program still declares under another name stays.

        Rejected, with nothing written, if the caller or the last administrator would lose access. No preview shows
        this: the engine calls a provider for a deletion only in the update.
        """
        run, key = run_state.current_run(self), run_state.aws_auth_key(_props)
        if key is not None and key in run.aws_auth_keys:
            run.retained_aws_auth_keys.add(key)
            print_message(f"{_props['arn']} stays in aws-auth: this program declares it under another name now")
            return
        mapping = _mapping_of_state(_props)
        nodes = any(same_arn(Principal.parse(arn).aws_auth_arn, mapping.arn) for arn in _allowed_lockouts(_props))
        location = kubeconfigs.eks_cluster(_props["kubeconfig"]) or {}
        after = clients.AwsAuthConfigMap(_props["kubeconfig"]).edit(
            lambda document: document.remove(mapping, nodes=nodes),
            _lockout_check(_props, self.kept_credentials({**location, **_props})),
        )
        for entry in after.find(mapping.arn):
            if entry.is_node:
                print_message(
                    f"{entry} stays: nodes join the cluster by it; when no node uses {mapping.arn} any more, remove it "
                    "with `kubectl -n kube-system edit configmap aws-auth`"
                )


def _lockout_check(props: Properties, credentials: str) -> Callable[[AwsAuth, AwsAuth], None]:
    """Return the check that rejects an edit after which the caller or the last administrator has no access."""
    return AwsAuthLockoutCheck(props["kubeconfig"], credentials, _allowed_lockouts(props)).reject_lockout


def _mapping(props: Properties) -> UserMapping:
    kind = props.get("type", EntryType.STANDARD)
    if kind == EntryType.STANDARD:
        return UserMapping.of(props["arn"], props["groups"], props.get("username"))
    # The inputs already have the username and the groups of the type.
    return UserMapping.of(props["arn"], type=kind)


def _mapping_of_state(props: Properties) -> UserMapping:
    """Return the mapping of a state, whose values were checked before they were written."""
    return UserMapping(props["arn"], props["username"], tuple(props["groups"]))


def _add_entry(mapping: UserMapping, *, adopt: bool) -> Callable[[AwsAuth], AwsAuth]:
    """Return the edit that adds the entry, or changes an existing one if it adopts that."""
    return partial(AwsAuth.change if adopt else AwsAuth.add, mapping=mapping)


def _update_entry(mapping: UserMapping, olds: Properties) -> Callable[[AwsAuth], AwsAuth]:
    """Return the edit that changes the entry in place, from the one in the state."""
    return partial(AwsAuth.change, mapping=mapping, own=_mapping_of_state(olds))


def _allowed_lockouts(props: Properties) -> list[str]:
    return [arn for arn in props.get("allow_lockout_of") or [] if not has_unknowns(arn)]


def _settings(props: Properties) -> Properties:
    """Return the properties besides the entry."""
    names = ("kubeconfig", "credentials", "type", "adopt", "allow_lockout_of")
    return {name: props[name] for name in names if props.get(name) is not None}


def _outputs(props: Properties, mapping: UserMapping) -> Properties:
    return {**_settings(props), "arn": mapping.arn, "username": mapping.username, "groups": list(mapping.groups)}


def _has_same_arn(olds: Properties, news: Properties) -> bool:
    return str(olds.get("arn")).lower() == str(news.get("arn")).lower()


def _has_same_cluster(olds: Properties, news: Properties) -> bool:
    """Return whether both are of one cluster. An unknown kubeconfig is: a preview must not show a false replacement."""
    before, after = olds.get("kubeconfig"), news.get("kubeconfig")
    if before == after or has_unknowns([before, after]) or not isinstance(before, str) or not isinstance(after, str):
        return True
    return kubeconfigs.server(before) == kubeconfigs.server(after)
