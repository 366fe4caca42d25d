"""IAM roles that pods take on with their service account's token (IAM roles for service accounts)."""

from dataclasses import replace
from functools import partial
from typing import Any, NotRequired

import pulumi

from eks_identity.clusters import provider_account
from eks_identity.errors import InvalidInput, Problem
from eks_identity.evaluation import trust_conditions
from eks_identity.model import names, partitions, trust
from eks_identity.model.issuers import Provider
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime import diagnostics
from eks_identity.runtime.inputs import Inputs, is_plain, refusing
from eks_identity.workloads.iam_role import TRUST_POLICY, RolePlan
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.session_tags import OF_IRSA, TagCheck
from eks_identity.workloads.subjects import SubjectArgs, check_subjects, pairs
from eks_identity.workloads.trust_inputs import by_token, check_trust_conditions, written


class IrsaRoleArgs(RoleSettings):
    """A role for service accounts, and which ones."""

    oidc_provider_arns: NotRequired[list[pulumi.Input[str]]]
    """`OidcProvider.arn` of each cluster that the service accounts are in; the ARN says the issuer, too. All of them
    are in the account that the role is made in. Needed unless `oidc_provider_arns_by_role` is given."""
    oidc_provider_arns_by_role: NotRequired[dict[str, list[pulumi.Input[str]]]]
    """The same for several equal roles, for more clusters than one trust policy has room for: it has at most 2,048
    characters, which is about four clusters. The role of each key is called `<name>-<key>` and trusts the clusters of
    that key alone, so that a cluster that comes or goes changes no other role. Not beside `oidc_provider_arns`."""
    subjects: list[SubjectArgs]
    """The service accounts, each in every one of those clusters."""
    allow_wildcards: NotRequired[bool]
    """Let `*` and `?` in subjects match. Whoever may create a matching service account then has the role."""
    audience: NotRequired[pulumi.Input[str]]
    """The audience of the tokens, where the service accounts ask for one of their own; else `sts.amazonaws.com`."""


class IrsaRole(pulumi.ComponentResource):
    """An IAM role that given service accounts take on with their tokens (IAM roles for service accounts).

    The trust policy names issuer, subjects and audience, always all three. Rejected at preview: wildcards that were not
    asked for, a trust policy longer than IAM allows (the message says how many clusters would fit a role), providers of
    another account than the role's, and whatever IAM or Kubernetes would refuse in a name or ARN. Wildcards that were
    asked for are reported, with who gains.

    Source: EKS user guide, "IAM roles for service accounts".
    """

    arn: pulumi.Output[str]
    """The role's ARN; of several, the first one's."""
    role_name: pulumi.Output[str]
    """The role's name; of several, the first one's."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON; of several, the first one's."""
    arns: pulumi.Output[dict[str, str]]
    """The ARN of the role for a cluster, by the ARN of the cluster's OIDC provider."""
    trust_policies: pulumi.Output[list[str]]
    """The trust policy of each role, as JSON."""

    def __init__(self, name: str, args: IrsaRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'IrsaRole "{name}"', args, IrsaRoleArgs) as inputs:
            wild = args.get("allow_wildcards", False)
            roles = _roles(inputs, args)
            providers = {under: inputs.take(under, arn, Provider.parse) for under, arn in _places(roles).items()}
            subjects = check_subjects(inputs, "subjects", args["subjects"], wild=wild)
            if "audience" in args:
                inputs.take("audience", args["audience"], names.audience)
            common = {
                "subjects": pairs(subjects),
                "audience": args.get("audience"),
                "conditions": check_trust_conditions(inputs, args, [trust_conditions.IRSA]),
                "size_limit": TRUST_POLICY[args.get("raised_quotas", False)],
            }
            whole = {**common, "providers": list(_places(roles).values())}
            if is_plain(whole) and not inputs.problems.found:
                inputs.problems.parse("", _require_sides, whole, list(providers), wild=wild)
            given = {key: {**common, "providers": arns} for key, arns in roles.items()}
            for one in given.values():
                if is_plain(one) and not inputs.problems.found:
                    inputs.problems.parse("", _trust, one, wild=wild)
            first = list(providers.values())[:1]
            partition = inputs.later(first, lambda known: known[0].partition if known else partitions.AWS)
            suffixes = [*map(_suffix, roles)] or [""]
            sessions = TagCheck(inputs.subject, Session(OF_IRSA, "use a PodIdentityRole", args.get("tags", {})))
            plan = RolePlan.of(inputs, name, args, partition, sessions=sessions, suffixes=suffixes)

        under, arn = next(iter(_places(roles).items()))
        check = provider_account.in_account_of_oidc_provider(inputs, opts, arn, under)
        super().__init__("eks-identity:index:IrsaRole", name, {}, provider_account.after(opts, check))
        inputs.later(whole, partial(_say_who_gains, inputs.subject, list(providers), wild=wild))
        policies = {
            key: inputs.later(one, lambda known: trust.compact(_trust(known, wild=wild))) for key, one in given.items()
        }
        registered = {key: plan.make(self, name, policies[key], suffix=_suffix(key)) for key in roles}
        first_role = next(iter(registered.values()))
        self.arn = first_role.arn
        self.role_name = first_role.name
        self.trust_policy = next(iter(policies.values()))
        self.trust_policies = pulumi.Output.all(*policies.values())
        made: list[Any] = [[registered[key].arn, arns] for key, arns in roles.items()]
        self.arns = pulumi.Output.from_input(made).apply(_by_provider)
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
        """The ARN of the role for the cluster of this OIDC provider."""

        def found(known: list[Any]) -> str:
            arns, wanted = known
            if wanted not in arns:
                rule = "must be one of the providers that the role trusts"
                raise InvalidInput([Problem("oidc_provider_arn", rule, wanted, f"give one of {', '.join(arns)}")])
            return str(arns[wanted])

        return refusing([self.arns, oidc_provider_arn], found, f'IrsaRole "{self._name}"')


def _by_provider(made: list[Any]) -> dict[str, str]:
    return {provider: arn for arn, chunk in made for provider in chunk}


_ONE = ""
"""The key of the one role of `oidc_provider_arns`."""


def _roles(inputs: Inputs, args: IrsaRoleArgs) -> dict[str, list[pulumi.Input[str]]]:
    """The provider ARNs of each role, by its key; what is wrong with the form is kept in `inputs`."""
    one, several = args.get("oidc_provider_arns"), args.get("oidc_provider_arns_by_role")
    if (one is None) == (several is None):
        rule = "must be given, or oidc_provider_arns_by_role for several roles: one of the two"
        inputs.problems.add("oidc_provider_arns", rule, one, "keep one of the two")
    if several is None:
        return {_ONE: one or []}
    for key, arns in several.items():
        if inputs.problems.parse(f"the name {key!r} in oidc_provider_arns_by_role", names.role_name, key) is None:
            return {}
        if not arns:
            rule = "must have at least one ARN: nobody could assume the role otherwise"
            inputs.problems.add(f"oidc_provider_arns_by_role.{key}", rule, [], "add an ARN, or remove the key")
    return several if one is None else {}


def _places(roles: dict[str, list[pulumi.Input[str]]]) -> dict[str, pulumi.Input[str]]:
    """Each provider ARN by the input that it is."""
    return {
        (f"oidc_provider_arns_by_role.{key}[{index}]" if key else f"oidc_provider_arns[{index}]"): arn
        for key, arns in roles.items()
        for index, arn in enumerate(arns)
    }


def _suffix(key: str) -> str:
    return f"-{key}" if key else ""


def _trust(known: dict[str, Any], *, wild: bool) -> trust.Document:
    providers, subjects = _sides(known, wild=wild)
    return trust.irsa_trust(
        providers,
        subjects,
        audience=known["audience"],
        size_limit=int(known["size_limit"]),
        conditions=written(known["conditions"], [by_token(provider) for provider in providers]),
    )


def _sides(known: dict[str, Any], *, wild: bool) -> tuple[list[Provider], list[Subject]]:
    providers = [Provider.parse(arn) for arn in known["providers"]]
    return providers, [Subject.of(namespace, name, allow_wildcards=wild) for namespace, name in known["subjects"]]


def _require_sides(known: dict[str, Any], places: list[str], *, wild: bool) -> None:
    """Refuses what the providers of all roles cannot have in common. `places` are the inputs that the providers are."""
    try:
        trust.require_sides(*_sides(known, wild=wild))
    except InvalidInput as refusal:
        inputs = {f"oidc_provider_arns[{index}]": place for index, place in enumerate(places)}
        problems = (replace(problem, input=inputs.get(problem.input, problem.input)) for problem in refusal.problems)
        raise InvalidInput(problems) from None


def _say_who_gains(subject: str, places: list[str], known: dict[str, Any], *, wild: bool) -> None:
    """Reports what a wildcard means."""
    _require_sides(known, places, wild=wild)
    providers, subjects = _sides(known, wild=wild)
    matched = [f"{one.namespace}/{one.service_account}" for one in subjects if one.has_wildcard]
    if matched:
        issuers = ", ".join(provider.issuer.host_and_path for provider in providers)
        diagnostics.warn(
            f"{subject}: every service account that matches {' or '.join(matched)} in every one of these clusters gets "
            f"this role, those that are made later too, whoever may create one there: {issuers}"
        )
