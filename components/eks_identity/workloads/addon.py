"""Addon: an EKS add-on whose pods have an IAM role of their own instead of the nodes' role."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NotRequired, Unpack, overload

import pulumi
import pulumi_aws as aws

from eks_identity.clusters import provider_account
from eks_identity.clusters.connections import ClusterInput, connection_of, parse_connection
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import arns, names, policy_templates
from eks_identity.model.arns import Principal
from eks_identity.runtime import diagnostics
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.inputs import INVALID, Inputs, parsed_by
from eks_identity.workloads.addon_identity import (
    AddonIdentity,
    AddonTrust,
    identity_problems,
    parse_addon_mode,
    settings_with_template,
)
from eks_identity.workloads.identity_modes import (
    IRSA,
    POD_IDENTITY,
    IdentityMode,
    IdentityModeInput,
    one_of_problem,
    parse_provider,
)
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.subjects import SubjectInput


class AddonArgs(RoleSettings):
    """An EKS add-on, and the IAM role of its pods. `tags` are those of the add-on and of the role."""

    cluster: ClusterInput
    """`Cluster.connection`."""
    addon_name: str
    """Name of the add-on, as `aws eks describe-addon-versions` shows it: `aws-ebs-csi-driver`."""
    addon_version: NotRequired[pulumi.Input[str]]
    """Version, such as `v1.53.0-eksbuild.1`; by default EKS's default for the cluster's version."""
    configuration_values: NotRequired[pulumi.Input[str]]
    """Configuration: a JSON object, as a string, by the schema that `aws eks describe-addon-configuration` shows."""
    namespace: NotRequired[pulumi.Input[str]]
    """Namespace that it is installed into; by default the add-on's own. A change replaces the add-on."""
    resolve_conflicts_on_create: NotRequired[pulumi.Input[str]]
    """What EKS does with existing fields of other values: `NONE` (the default: the add-on fails) or `OVERWRITE`."""
    resolve_conflicts_on_update: NotRequired[pulumi.Input[str]]
    """What EKS does with fields that were changed in the cluster: `NONE` (the default), `OVERWRITE` or `PRESERVE`."""
    preserve: NotRequired[pulumi.Input[bool]]
    """Keep the add-on's pods in the cluster when the component is destroyed."""
    mode: NotRequired[IdentityModeInput]
    """How its pods get a role: `irsa`, `pod-identity` (an association that the add-on owns; needs the add-on
    `eks-pod-identity-agent`), or `none` (the default: they have the nodes' role)."""
    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """`OidcProvider.arn`; required with `irsa`. With `pod-identity` the role's trust policy keeps the statement for
    IRSA as long as it is set, so that a change of `mode` leaves no pod without credentials."""
    service_account: NotRequired[pulumi.Input[str]]
    """Service account of its pods that call AWS; by default that of the add-on's policy template."""
    role_arn: NotRequired[pulumi.Input[str]]
    """ARN of an existing IAM role. No role is created; role options must be omitted."""


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise InvalidInput([one_of_problem(text, *choices)])
        return text

    return parse


def _configuration(text: str) -> str:
    try:
        values = json.loads(names.text(text))
    except (ValueError, RecursionError) as error:
        problem = Problem("", f"must be a JSON object, as a string: {error}", text, "use json.dumps")
        raise InvalidInput([problem]) from None
    if not isinstance(values, dict):
        raise InvalidInput([Problem("", "must be a JSON object, as a string", text, "use json.dumps of a dict")])
    return text


@dataclass(frozen=True)
class _Options:
    """The parsed inputs of an Addon, except for those of its cluster and role."""

    addon_name: str = parsed_by(names.addon)
    mode: IdentityMode | None = parsed_by(parse_addon_mode)
    addon_version: pulumi.Input[str] | None = parsed_by(names.addon_version)
    configuration_values: pulumi.Input[str] | None = parsed_by(_configuration)
    namespace: pulumi.Input[str] | None = parsed_by(names.namespace)
    resolve_conflicts_on_create: pulumi.Input[str] | None = parsed_by(_one_of("NONE", "OVERWRITE"))
    resolve_conflicts_on_update: pulumi.Input[str] | None = parsed_by(_one_of("NONE", "OVERWRITE", "PRESERVE"))
    preserve: pulumi.Input[bool] | None = parsed_by(names.flag)
    service_account: pulumi.Input[str] | None = parsed_by(names.service_account)
    role_arn: pulumi.Input[Principal] | None = parsed_by(arns.role)


class Addon(pulumi.ComponentResource):
    """An EKS add-on, and the IAM role of its pods.

    With a `mode`, the role has the permissions of the add-on's policy template by default; a template about clusters
    gets this cluster. EKS writes the annotation of the service account (`irsa`) or owns the association
    (`pod-identity`). Registers itself, the add-on, and the role with its policies.

    Source: EKS user guide, "IAM roles for Amazon EKS add-ons".
    """

    arn: pulumi.Output[str]
    """The add-on's ARN."""
    addon_version: pulumi.Output[str]
    """The installed version."""
    namespace: pulumi.Output[str]
    """The namespace of its pods."""
    service_account: pulumi.Output[str]
    """The service account that has the role; empty without a role."""
    role_arn: pulumi.Output[str]
    """The role of its pods; empty if they have the nodes' role."""

    @overload
    def __init__(self, resource_name: str, args: AddonArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[AddonArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: AddonArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'Addon "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, AddonArgs) as inputs:
            options = inputs.read(_Options)
            connection = parse_connection(inputs, connection_of(args["cluster"]))
            template = policy_templates.find_addon_template(args["addon_name"])
            provider = parse_provider(inputs, args["oidc_provider_arn"]) if "oidc_provider_arn" in args else None
            namespace, account = options.namespace, options.service_account
            if namespace is None:
                namespace = "kube-system" if template is None else template.namespace
            if account is None:
                account = "" if template is None else template.service_account
            inputs.reject(*identity_problems(options.mode, args, template))
            identity = None
            if options.mode is not None and options.mode is not INVALID:
                service_account = SubjectInput.of(inputs, "service_account", namespace, account)
                trust = AddonTrust(options.mode, connection, provider, service_account)
                settings = settings_with_template(args, template, connection.name)
                identity = AddonIdentity.read(inputs, resource_name, trust, settings, options.role_arn)
            tags = inputs.text_values("tags", args["tags"]) if "tags" in args else None

        check = provider_account.check_account_of_cluster(inputs, opts, connection_of(args["cluster"]))
        super().__init__("eks-identity:index:Addon", resource_name, {}, provider_account.depend_on_checks(opts, check))
        if identity is None and template is not None:
            message = f"the pods of {template.name} have the nodes' role: set mode to give them a role of their own"
            diagnostics.warn(message, self)
        role_arn: pulumi.Input[str] = "" if identity is None else identity.register(self, resource_name)
        self.role_arn = pulumi.Output.from_input(role_arn)
        self.service_account = pulumi.Output.from_input("" if identity is None else account)
        association = aws.eks.AddonPodIdentityAssociationArgs(
            role_arn=self.role_arn, service_account=self.service_account
        )
        addon = aws.eks.Addon(
            resource_name,
            region=connection.region,
            cluster_name=connection.name,
            addon_name=options.addon_name,
            addon_version=options.addon_version,
            configuration_values=options.configuration_values,
            namespace_config=None
            if options.namespace is None
            else aws.eks.AddonNamespaceConfigArgs(namespace=options.namespace),
            resolve_conflicts_on_create=options.resolve_conflicts_on_create,
            resolve_conflicts_on_update=options.resolve_conflicts_on_update,
            preserve=options.preserve,
            service_account_role_arn=self.role_arn if options.mode is IRSA else None,
            pod_identity_associations=[association] if options.mode is POD_IDENTITY else None,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = addon.arn
        self.addon_version = addon.addon_version
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
