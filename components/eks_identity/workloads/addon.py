"""Add-ons of a cluster, each with an identity of its own rather than that of the nodes."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import pulumi
import pulumi_aws as aws

from eks_identity.clusters import connections, provider_account
from eks_identity.errors import InvalidInput, Problem
from eks_identity.evaluation import trust_conditions
from eks_identity.model import arns, names, policy_templates, trust
from eks_identity.model.issuers import Provider
from eks_identity.model.policy_templates.fields import CLUSTERS
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime import diagnostics
from eks_identity.runtime.inputs import Inputs
from eks_identity.workloads import workload_rules, workload_trust
from eks_identity.workloads.addon_args import AddonArgs
from eks_identity.workloads.iam_role import TRUST_POLICY, RolePlan
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.session_tags import OF_IRSA, OLD_PODS, USE_POD_IDENTITY, TagCheck
from eks_identity.workloads.trust_inputs import by_association, by_token, check_trust_conditions, written
from eks_identity.workloads.workload_rules import IRSA, NONE, POD_IDENTITY

AGENT = "eks-pod-identity-agent"
"""The add-on that hands Pod Identity's credentials to pods; it has the nodes' role itself."""
PERMISSIONS = ("policies", "inline_policies", "statements", "policy_templates", "assume_role_arns")
"""Settings that allow a role something."""
_OF_ROLE = tuple(field for field in RoleSettings.__annotations__ if field != "tags")


class Addon(pulumi.ComponentResource):
    """An add-on of EKS, and the role that its pods get.

    With a `mode` the role may do what the catalogue's entry of the add-on says, unless something else is said; an entry
    that is about clusters gets this one. EKS writes the service account's annotation (`irsa`) or owns the association
    (`pod-identity`). Registers itself, the add-on, and with a role that and its policies.

    Source: EKS user guide, "IAM roles for Amazon EKS add-ons".
    """

    arn: pulumi.Output[str]
    """The add-on's ARN."""
    addon_version: pulumi.Output[str]
    """The version that is installed."""
    namespace: pulumi.Output[str]
    """The namespace that its pods are in."""
    service_account: pulumi.Output[str]
    """The service account that has the role; empty where there is none."""
    role_arn: pulumi.Output[str]
    """The role of its pods; empty where they have the nodes'."""

    def __init__(self, name: str, args: AddonArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'Addon "{name}"', args, AddonArgs) as inputs:
            cluster = args["cluster"]
            partition = connections.parse_connection(inputs, cluster).partition
            inputs.one_of(args["addon_name"], "addon_name", names.addon)
            entry = policy_templates.entry_of_addon(args["addon_name"])
            mode = inputs.one_of(args.get("mode", NONE), "mode", _mode)
            inputs.require(*_identity_problems(mode, args, entry))
            # What add-on and role get is what was checked: an Output of another type is in no error of Pulumi's SDK.
            checked: dict[str, Any] = {
                field: inputs.take(field, args[field], parse)  # type: ignore[literal-required]
                for field, parse in _PARSED.items()
                if field in args
            }
            cluster_name = inputs.once_known(cluster["name"], names.cluster_name, "cluster.name")
            region = inputs.once_known(cluster["region"], names.region, "cluster.region")
            namespace = inputs.take(
                "namespace", args.get("namespace", entry.namespace if entry else "kube-system"), names.namespace
            )
            account = args.get("service_account", entry.service_account if entry else "")
            plan = None
            if mode != NONE and "role_arn" not in args:
                check_trust_conditions(inputs, args, _calls(mode, args))
                sessions = _sessions(inputs.subject, mode, args)
                plan = RolePlan.of(inputs, name, _with_entry(args, entry), partition, sessions=sessions)

        check = provider_account.in_account_of_cluster(inputs, opts, cluster)
        super().__init__("eks-identity:index:Addon", name, {}, provider_account.after(opts, check))
        assert mode is not None
        self.service_account = pulumi.Output.from_input("" if mode == NONE else account)
        role_arn: pulumi.Input[str] = checked.get("role_arn", "")
        self.role_arn = pulumi.Output.from_input(role_arn)
        if mode == NONE and entry is not None:
            diagnostics.warn(f"the pods of {entry.name} have the role of their nodes: give the add-on a mode", self)
        if "role_arn" in args:
            _check_existing_role(inputs, mode, args, [[namespace, account]])
        if plan is not None:
            # From the cluster and not from the provider, so that a preview shows it before the provider is made.
            trusted = {field: cluster[field] for field in ("issuer", "partition", "account_id")}
            given = {
                "cluster": trusted,
                "subject": [namespace, account],
                "size_limit": TRUST_POLICY[args.get("raised_quotas", False)],
            }
            if "trust_conditions" in args:
                given |= {"conditions": args["trust_conditions"], "cluster_arn": cluster["arn"]}
            by_irsa = "oidc_provider_arn" in args
            role = plan.make(self, name, inputs.later(given, lambda known: _trust(mode, known, by_irsa=by_irsa)))
            if by_irsa:
                inputs.later({**trusted, "provider": args["oidc_provider_arn"]}, _require_provider_of_cluster)
            # The role comes after the provider that vouches for its pods' tokens.
            self.role_arn = pulumi.Output.all(role.arn, args.get("oidc_provider_arn"))[0]
        if mode != NONE:
            once = partial(workload_rules.declared_once, inputs.subject, mode)
            inputs.later([cluster["arn"], [[namespace, account]]], once)
        if "tags" in args:
            checked["tags"] = inputs.texts("tags", args["tags"])
        settings = {**args, **checked, "cluster_name": cluster_name, "region": region}
        if "namespace" in args:
            settings["namespace_config"] = aws.eks.AddonNamespaceConfigArgs(namespace=namespace)
        made = _addon(self, name, settings, mode)
        self.arn = made.arn
        self.addon_version = made.addon_version
        self.namespace = pulumi.Output.from_input(namespace)
        self.register_outputs(
            {
                "arn": self.arn,
                "addon_version": self.addon_version,
                "namespace": self.namespace,
                "service_account": self.service_account,
                "role_arn": self.role_arn,
            }
        )


def _addon(parent: Addon, name: str, args: Mapping[str, Any], mode: str) -> "aws.eks.Addon":
    association = aws.eks.AddonPodIdentityAssociationArgs(
        role_arn=parent.role_arn, service_account=parent.service_account
    )
    return aws.eks.Addon(
        name,
        region=args["region"],
        cluster_name=args["cluster_name"],
        addon_name=args["addon_name"],
        addon_version=args.get("addon_version"),
        configuration_values=args.get("configuration_values"),
        namespace_config=args.get("namespace_config"),
        resolve_conflicts_on_create=args.get("resolve_conflicts_on_create"),
        resolve_conflicts_on_update=args.get("resolve_conflicts_on_update"),
        preserve=args.get("preserve"),
        service_account_role_arn=parent.role_arn if mode == IRSA else None,
        pod_identity_associations=[association] if mode == POD_IDENTITY else None,
        tags=args.get("tags"),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _with_entry(args: AddonArgs, entry: policy_templates.Entry | None) -> RoleSettings:
    """The settings of the role; with the add-on's own entry where they allow nothing."""
    said = cast("dict[str, Any]", args)
    settings = cast("RoleSettings", {field: said[field] for field in RoleSettings.__annotations__ if field in said})
    if entry is None or any(settings.get(field) for field in PERMISSIONS):
        return settings
    own = [field for group in entry.one_of for field in group] + list(entry.required)
    about = {CLUSTERS.name: [args["cluster"]["name"]]} if CLUSTERS in own else {}
    return {**settings, "policy_templates": [{"name": entry.name, **about}]}  # type: ignore[typeddict-item]


def _identity_problems(mode: str | None, args: AddonArgs, entry: policy_templates.Entry | None) -> list[Problem]:
    said = cast("dict[str, Any]", args)
    if args["addon_name"] == AGENT and mode != NONE:
        rule = "the agent has the nodes' role: it is what gives others theirs (EKS)"
        return [Problem("mode", rule, mode, "take mode out, and give AmazonEKSWorkerNodePolicy to the nodes' role")]
    if mode == NONE:
        rule = "only read where the pods get a role"
        fix = f"set mode to {IRSA} or {POD_IDENTITY}, or take it out"
        fields = (*_OF_ROLE, "role_arn", "oidc_provider_arn", "service_account")
        return [Problem(field, rule, said[field], fix) for field in fields if field in said]
    problems = []
    if mode == IRSA and "oidc_provider_arn" not in args and "role_arn" not in args:
        rule = "IRSA needs the account's OIDC provider for the cluster's issuer"
        problems.append(Problem("oidc_provider_arn", rule, None, f"pass OidcProvider.arn, or use mode {POD_IDENTITY}"))
    if entry is None and "service_account" not in args:
        rule = f"the catalogue does not know which pods of {args['addon_name']} talk to AWS, if any do"
        version = args["addon_version"] if isinstance(args.get("addon_version"), str) else "VERSION"
        listed = f"aws eks describe-addon-configuration --addon-name {args['addon_name']} --addon-version {version}"
        fix = f"name their service account (`{listed}` lists them), or take mode out"
        problems.append(Problem("service_account", rule, None, fix))
    if "role_arn" in args:
        rule = "said of a role that is made here, and role_arn is made elsewhere"
        problems += [
            Problem(field, rule, said[field], "take one of the two out") for field in _OF_ROLE if field in said
        ]
    elif entry is None and not any(args.get(field) for field in PERMISSIONS):
        rule = f"what its pods may do: the catalogue has no entry for {args['addon_name']}"
        problems.append(Problem("policies", rule, None, f"give one of {', '.join(PERMISSIONS)}"))
    return problems


def _trust(mode: str, known: dict[str, Any], *, by_irsa: bool) -> str:
    """Pod Identity's trust, IRSA's, or that of both while the mode changes."""
    statements: list[dict[str, Any]] = []
    size_limit = int(known["size_limit"])
    provider = workload_rules.provider_of(known["cluster"])
    calls = [by_token(provider)] if by_irsa else []
    if mode == POD_IDENTITY and "conditions" in known:
        calls += by_association(known["cluster_arn"], [known["subject"]], trust_conditions.POD_IDENTITY)
    more = written(known.get("conditions", []), calls)
    if mode == POD_IDENTITY:
        statements += trust.pod_identity_trust(conditions=more)["Statement"]
    if by_irsa:
        subject = Subject.of(*known["subject"])
        statements += trust.irsa_trust([provider], [subject], size_limit=size_limit, conditions=more)["Statement"]
    return trust.compact(trust.require_room(trust.document(statements), size_limit, "the statements of both modes"))


def _check_existing_role(inputs: Inputs, mode: str, args: AddonArgs, pods: list[list[Any]]) -> None:
    cluster, role_arn = args["cluster"], args["role_arn"]
    if mode == POD_IDENTITY:
        inputs.later([role_arn, cluster["account_id"]], workload_rules.require_own_account)
    without = {"untagged": OF_IRSA, "fix": USE_POD_IDENTITY} if mode == IRSA else {}
    workload_trust.check_role_of_program(inputs, cluster, mode, pods, role_arn, **without)


def _calls(mode: str | None, args: AddonArgs) -> list[trust_conditions.Call]:
    by_irsa = [trust_conditions.IRSA] if mode == IRSA or "oidc_provider_arn" in args else []
    return by_irsa + ([trust_conditions.POD_IDENTITY] if mode == POD_IDENTITY else [])


def _sessions(subject: str, mode: str | None, args: AddonArgs) -> TagCheck:
    tags = args.get("tags", {})
    if mode == IRSA:
        return TagCheck(subject, Session(OF_IRSA, USE_POD_IDENTITY, tags))
    also = Session(OLD_PODS, role_tags=tags) if "oidc_provider_arn" in args else None
    return TagCheck(subject, Session(role_tags=tags), also)


def _require_provider_of_cluster(known: dict[str, str]) -> None:
    expected = workload_rules.provider_of(known)
    if Provider.parse(known["provider"]) != expected:
        rule = f"the provider of this cluster's issuer, in the cluster's account: {expected.arn}"
        fix = "pass the OidcProvider of this cluster; a cluster that was made anew has another issuer"
        raise InvalidInput([Problem("oidc_provider_arn", rule, known["provider"], fix)])


def _mode(text: str) -> str:
    return _one_of(text, IRSA, POD_IDENTITY, NONE)


def _one_of(text: str, *choices: str) -> str:
    if text not in choices:
        raise InvalidInput([Problem("", f"one of {', '.join(choices)}", text, f"write {choices[0]}")])
    return text


def _configuration(text: str) -> str:
    try:
        found = json.loads(names.text(text))
    except json.JSONDecodeError as error:
        raise InvalidInput([Problem("", f"a JSON object, as a string: {error}", text, "use json.dumps")]) from None
    if not isinstance(found, dict):
        raise InvalidInput([Problem("", "a JSON object, as a string", text, "use json.dumps of a dict")])
    return text


_PARSED = {
    "addon_version": names.addon_version,
    "configuration_values": _configuration,
    "resolve_conflicts_on_create": lambda text: _one_of(text, "NONE", "OVERWRITE"),
    "resolve_conflicts_on_update": lambda text: _one_of(text, "NONE", "OVERWRITE", "PRESERVE"),
    "oidc_provider_arn": lambda arn: Provider.parse(arn).arn,
    "service_account": names.service_account,
    "role_arn": arns.role_arn,
    "preserve": names.flag,
}
"""What checks each input that is handed on."""
