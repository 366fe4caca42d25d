"""IAM roles that pods take on with their service account's token (IAM roles for service accounts)."""

from functools import partial
from typing import Any, NotRequired

import pulumi

from eks_identity.clusters import callers
from eks_identity.errors import InvalidInput, Problem
from eks_identity.inputs import Inputs, is_plain, refusing
from eks_identity.model import names, partitions, trust
from eks_identity.model.issuers import Provider
from eks_identity.model.subjects import Subject
from eks_identity.pods.iam_roles import TRUST_POLICY, RolePlan
from eks_identity.pods.role_settings import RoleSettings
from eks_identity.pods.subjects import SubjectArgs, check_subjects, pairs


class IrsaRoleArgs(RoleSettings):
    """A role for service accounts, and which ones."""

    oidc_provider_arns: list[pulumi.Input[str]]
    """`OidcProvider.arn` of each cluster that the service accounts are in; the ARN says the issuer, too. All of them
    are in the account that the role is made in."""
    subjects: list[SubjectArgs]
    """The service accounts, each in every one of those clusters."""
    clusters_per_role: NotRequired[int]
    """Make several alike roles, `<name>-1` and on, each for so many of those clusters, in their order: a trust policy
    has at most 2,048 characters, which is about four clusters. One role for all where left out."""
    match_wildcards: NotRequired[bool]
    """Let `*` and `?` in subjects match. Whoever may create a matching service account then has the role."""
    audience: NotRequired[pulumi.Input[str]]
    """The audience of the tokens, where the service accounts ask for one of their own; else `sts.amazonaws.com`."""


class IrsaRole(pulumi.ComponentResource):
    """An IAM role that given service accounts take on with their tokens (IAM roles for service accounts).

    The trust policy names issuer, subjects and audience, always all three. Refused at preview: wildcards that were not
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
            wild = args.get("match_wildcards", False)
            chunks = _chunks(inputs, args)
            providers = [
                inputs.take(f"oidc_provider_arns[{index}]", arn, Provider.parse)
                for index, arn in enumerate(args["oidc_provider_arns"])
            ]
            subjects = check_subjects(inputs, "subjects", args["subjects"], wild=wild)
            if "audience" in args:
                inputs.take("audience", args["audience"], names.audience)
            common = {
                "subjects": pairs(subjects),
                "audience": args.get("audience"),
                "size_limit": TRUST_POLICY[args.get("raised_quotas", False)],
            }
            whole = {**common, "providers": args["oidc_provider_arns"]}
            if is_plain(whole) and not inputs.problems.found:
                inputs.problems.take("", _require_sides, whole, wild=wild)
            given = [{**common, "providers": chunk} for chunk in chunks]
            for one in given:
                if is_plain(one) and not inputs.problems.found:
                    inputs.problems.take("", _trust, one, wild=wild)
            partition = inputs.later(providers[:1], lambda known: known[0].partition if known else partitions.AWS)
            suffixes = [f"-{number}" for number in range(1, len(chunks) + 1)] if "clusters_per_role" in args else [""]
            plan = RolePlan.of(inputs, name, args, partition, suffixes=suffixes)

        first = args["oidc_provider_arns"][0]
        check = callers.in_account_of_oidc_provider(inputs, opts, first, "oidc_provider_arns[0]")
        super().__init__("eks-identity:index:IrsaRole", name, {}, callers.after(opts, check))
        inputs.later(whole, partial(_say_who_gains, inputs.subject, wild=wild))
        policies = [inputs.later(one, lambda known: trust.compact(_trust(known, wild=wild))) for one in given]
        roles = [
            plan.make(self, name, policy, suffix=suffix) for policy, suffix in zip(policies, suffixes, strict=True)
        ]
        self.arn = roles[0].arn
        self.role_name = roles[0].name
        self.trust_policy = policies[0]
        self.trust_policies = pulumi.Output.all(*policies)
        made: list[Any] = [[role.arn, chunk] for role, chunk in zip(roles, chunks, strict=True)]
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
                rule = "one of the providers that the role is for"
                raise InvalidInput([Problem("oidc_provider_arn", rule, wanted, f"give one of {', '.join(arns)}")])
            return str(arns[wanted])

        return refusing([self.arns, oidc_provider_arn], found, f'IrsaRole "{self._name}"')


def _by_provider(made: list[Any]) -> dict[str, str]:
    return {provider: arn for arn, chunk in made for provider in chunk}


def _chunks(inputs: Inputs, args: IrsaRoleArgs) -> list[list[pulumi.Input[str]]]:
    """The providers of each role."""
    arns = args["oidc_provider_arns"]
    if "clusters_per_role" not in args:
        return [arns]
    size = inputs.problems.take(
        "clusters_per_role", names.whole_number, args["clusters_per_role"], 1, 100, "clusters a role"
    )
    size = size or len(arns) or 1
    return [arns[start : start + size] for start in range(0, len(arns), size)] or [[]]


def _trust(known: dict[str, Any], *, wild: bool) -> trust.Document:
    providers, subjects = _sides(known, wild=wild)
    return trust.irsa_trust(providers, subjects, audience=known["audience"], size_limit=int(known["size_limit"]))


def _sides(known: dict[str, Any], *, wild: bool) -> tuple[list[Provider], list[Subject]]:
    providers = [Provider.parse(arn) for arn in known["providers"]]
    return providers, [Subject.of(namespace, name, match_wildcards=wild) for namespace, name in known["subjects"]]


def _require_sides(known: dict[str, Any], *, wild: bool) -> None:
    """Refuses what the providers of all roles cannot have in common."""
    trust.require_sides(*_sides(known, wild=wild))


def _say_who_gains(subject: str, known: dict[str, Any], *, wild: bool) -> None:
    """Reports what a wildcard means."""
    _require_sides(known, wild=wild)
    providers, subjects = _sides(known, wild=wild)
    matched = [f"{one.namespace}/{one.service_account}" for one in subjects if one.has_wildcard]
    if matched:
        issuers = ", ".join(provider.issuer.host_and_path for provider in providers)
        pulumi.log.warn(
            f"{subject}: every service account that matches {' or '.join(matched)} in every one of these clusters gets "
            f"this role, those that are made later too, whoever may create one there: {issuers}"
        )
