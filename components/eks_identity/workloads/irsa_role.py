"""IrsaRole: an IAM role that pods assume with the token of their service account (IAM roles for service accounts)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NotRequired, Unpack, overload

import pulumi

from eks_identity.clusters import provider_account
from eks_identity.errors import InvalidInput, Problem
from eks_identity.evaluation import trust_conditions
from eks_identity.model import names, trust
from eks_identity.model.issuers import Provider
from eks_identity.model.partitions import AWS, Partition
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime import diagnostics
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.inputs import INVALID, Inputs, parse_output, parsed_by
from eks_identity.workloads.iam_role import IamRole
from eks_identity.workloads.role_settings import ConditionArgs, RoleSettings
from eks_identity.workloads.session_tags import OF_IRSA, SessionTagCheck
from eks_identity.workloads.subjects import SubjectArgs, SubjectInput, read_subjects
from eks_identity.workloads.trust_policies import build_conditions, read_trust_conditions, token_call


class IrsaRoleArgs(RoleSettings):
    """A role for service accounts of one or more clusters."""

    oidc_provider_arns: NotRequired[list[pulumi.Input[str]]]
    """`OidcProvider.arn` of the clusters of the service accounts; the ARN contains the issuer. All of them are in the
    account of the role. Required unless `oidc_provider_arns_by_role` is set."""
    oidc_provider_arns_by_role: NotRequired[dict[str, list[pulumi.Input[str]]]]
    """Providers of several equal roles, for more clusters than one trust policy has room for: it has at most 2,048
    characters, which is about four clusters. The role of each key has the name `<name>-<key>` and trusts the clusters
    of that key alone, so that adding or removing a cluster changes no other role. Not together with
    `oidc_provider_arns`."""
    subjects: list[SubjectArgs]
    """Service accounts, each of them in all of those clusters."""
    allow_wildcards: NotRequired[bool]
    """Match `*` and `?` in subjects. Every principal that can create a matching service account can then use the
    role."""
    audience: NotRequired[pulumi.Input[str]]
    """Audience of the tokens, if the service accounts set one of their own; by default `sts.amazonaws.com`."""


@dataclass(frozen=True)
class _Options:
    """The inputs of an IrsaRole, except for the role's settings, the providers and the service accounts."""

    allow_wildcards: bool = parsed_by(bool, default=False)
    audience: pulumi.Input[str] | None = parsed_by(names.audience)


@dataclass(frozen=True)
class _ProviderInput:
    """An OIDC provider that a role trusts."""

    under: str
    """`oidc_provider_arns[0]`"""
    arn: pulumi.Input[str]
    """As it is written in the args."""
    provider: pulumi.Input[Provider]


_Roles = Mapping[str, Sequence[_ProviderInput]]
"""The providers of each role, by its key; the one role of `oidc_provider_arns` has an empty key."""


class IrsaRole(pulumi.ComponentResource):
    """An IAM role that service accounts assume with their tokens (IAM roles for service accounts).

    The trust policy always names issuer, subjects and audience. Rejected at preview: wildcards without
    `allow_wildcards`, a trust policy longer than IAM accepts (the message says how many clusters fit one role),
    providers of another account than the role's, and names and ARNs that IAM or Kubernetes rejects. Accepted wildcards
    are reported, with the clusters whose service accounts can assume the role.

    Source: EKS user guide, "IAM roles for service accounts".
    """

    arn: pulumi.Output[str]
    """The role's ARN; of several roles, the first one's."""
    role_name: pulumi.Output[str]
    """The role's name; of several roles, the first one's."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON; of several roles, the first one's."""
    arns: pulumi.Output[dict[str, str]]
    """The ARN of the role for a cluster, by the ARN of the cluster's OIDC provider."""
    trust_policies: pulumi.Output[list[str]]
    """The trust policy of each role, as JSON."""

    @overload
    def __init__(self, resource_name: str, args: IrsaRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[IrsaRoleArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: IrsaRoleArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'IrsaRole "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, IrsaRoleArgs) as inputs:
            options = inputs.read(_Options)
            roles = _read_roles(inputs, args)
            providers = [provider for of_role in roles.values() for provider in of_role]
            subjects = read_subjects(inputs, "subjects", args["subjects"], allow_wildcards=options.allow_wildcards)
            partition = inputs.parse("", [each.provider for each in providers[:1]], _partition)
            session = Session(OF_IRSA, "use a PodIdentityRole", args.get("tags", {}))
            suffixes = [*map(_suffix, roles)] or [""]
            session_tags = SessionTagCheck(inputs.subject, session)
            role = IamRole.read(inputs, resource_name, args, partition, session_tags, suffixes=suffixes)
            trusted = {
                "subjects": [each.subject for each in subjects],
                "audience": options.audience,
                "conditions": read_trust_conditions(inputs, args, [trust_conditions.IRSA]),
                "size_limit": role.options.trust_policy_limit,
            }
            is_valid = _require_common(inputs, roles, subjects)
            trust_policies = {
                key: inputs.parse(
                    "",
                    {**trusted, "providers": [each.provider for each in of_role]},
                    lambda resolved: _trust_policy(**resolved),
                )
                for key, of_role in roles.items()
                if is_valid
            }

        first = providers[0]
        check = provider_account.check_account_of_oidc_provider(inputs, opts, first.provider, first.under)
        super().__init__(
            "eks-identity:index:IrsaRole", resource_name, {}, provider_account.depend_on_checks(opts, check)
        )
        registered = {
            key: role.register(self, resource_name, policy, suffix=_suffix(key))
            for key, policy in trust_policies.items()
        }
        first_role = next(iter(registered.values()))
        self.arn = first_role.arn
        self.role_name = first_role.name
        self.trust_policy = pulumi.Output.from_input(next(iter(trust_policies.values())))
        self.trust_policies = pulumi.Output.all(*trust_policies.values())
        arns = [[registered[key].arn, [each.arn for each in of_role]] for key, of_role in roles.items()]
        self.arns = pulumi.Output.from_input(arns).apply(_by_provider)
        self.register_outputs(
            {
                "arn": self.arn,
                "role_name": self.role_name,
                "trust_policy": self.trust_policy,
                "arns": self.arns,
                "trust_policies": self.trust_policies,
            }
        )

    def arn_for(self, oidc_provider_arn: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return the ARN of the role for the cluster of an OIDC provider."""

        def find(resolved: Sequence[Any]) -> str:
            arns, provider_arn = resolved
            if provider_arn not in arns:
                rule = "must be one of the providers that the role trusts"
                raise InvalidInput([Problem("oidc_provider_arn", rule, provider_arn, f"pass one of {', '.join(arns)}")])
            return str(arns[provider_arn])

        return parse_output([self.arns, oidc_provider_arn], find, f'IrsaRole "{self._name}"')


def _read_roles(inputs: Inputs, args: IrsaRoleArgs) -> _Roles:
    """Parse the providers of each role; problems are added to `inputs`."""
    arns, arns_by_role = args.get("oidc_provider_arns"), args.get("oidc_provider_arns_by_role")
    if (arns is None) == (arns_by_role is None):
        rule = "must be set, or oidc_provider_arns_by_role for several roles: exactly one of the two"
        inputs.reject(Problem("oidc_provider_arns", rule, arns, "keep one of the two"))
        return {}
    if arns_by_role is None:
        return {"": _read_providers(inputs, "oidc_provider_arns", arns or [])}
    if not arns_by_role:
        rule = "must have at least one key: no pod could assume the role otherwise"
        inputs.reject(Problem("oidc_provider_arns_by_role", rule, {}, "add a key with the ARNs of its clusters"))
    roles: dict[str, Sequence[_ProviderInput]] = {}
    for key, of_role in arns_by_role.items():
        name: Any = inputs.parse(f"the name {key!r} in oidc_provider_arns_by_role", key, names.role_name)
        if not of_role:
            rule = "must have at least one ARN: no pod could assume the role otherwise"
            inputs.reject(Problem(f"oidc_provider_arns_by_role.{key}", rule, [], "add an ARN, or remove the key"))
        if name is not INVALID:
            roles[key] = _read_providers(inputs, f"oidc_provider_arns_by_role.{key}", of_role)
    return roles


def _read_providers(inputs: Inputs, under: str, arns: Sequence[pulumi.Input[str]]) -> list[_ProviderInput]:
    return [
        _ProviderInput(f"{under}[{index}]", arn, inputs.parse(f"{under}[{index}]", arn, Provider.parse))
        for index, arn in enumerate(arns)
    ]


def _require_common(inputs: Inputs, roles: _Roles, subjects: Sequence[SubjectInput]) -> bool:
    """Reject what the providers of all roles cannot have in common, and warn of wildcards in subjects.

    Return whether the trust policies of the roles can be built.
    """
    if not roles or not all(of_role for key, of_role in roles.items() if key):
        return False  # rejected already
    providers = [provider for of_role in roles.values() for provider in of_role]
    require = partial(_check_providers, inputs.subject, [each.under for each in providers])
    resolved = [[each.provider for each in providers], [each.subject for each in subjects]]
    return inputs.parse("", resolved, require) is not INVALID


def _check_providers(component: str, unders: Sequence[str], resolved: Sequence[Any]) -> None:
    providers: list[Provider] = resolved[0]
    subjects: list[Subject] = resolved[1]
    try:
        trust.require_providers_and_subjects(providers, subjects)
    except InvalidInput as error:
        inputs = {f"oidc_provider_arns[{index}]": under for index, under in enumerate(unders)}
        problems = (replace(problem, input=inputs.get(problem.input, problem.input)) for problem in error.problems)
        raise InvalidInput(problems) from None
    patterns = [f"{each.namespace}/{each.service_account}" for each in subjects if each.has_wildcard]
    if patterns:
        issuers = ", ".join(provider.issuer.host_and_path for provider in providers)
        diagnostics.warn(
            f"{component}: every service account that matches {' or '.join(patterns)} in every one of these clusters "
            f"can assume this role, also one that is created later, by any principal that can create it: {issuers}"
        )


def _trust_policy(
    *,
    providers: Sequence[Provider],
    subjects: Sequence[Subject],
    audience: str | None,
    conditions: Sequence[ConditionArgs],
    size_limit: int,
) -> str:
    written = build_conditions(conditions, [token_call(provider) for provider in providers])
    policy = trust.irsa_trust(providers, subjects, audience=audience, size_limit=size_limit, conditions=written)
    return trust.compact(policy)


def _partition(providers: Sequence[Provider]) -> Partition:
    return providers[0].partition if providers else AWS


def _by_provider(roles: Sequence[Any]) -> dict[str, str]:
    return {provider: arn for arn, providers in roles for provider in providers}


def _suffix(key: str) -> str:
    return f"-{key}" if key else ""
