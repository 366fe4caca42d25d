"""ServiceAccount: a Kubernetes service account with the annotations that the EKS Pod Identity webhook reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi

from eks_identity.evaluation.trust_conditions import IRSA, AssumeRoleCall
from eks_identity.model import arns, names
from eks_identity.model.annotations import other_annotations, webhook_annotations
from eks_identity.model.arns import Principal
from eks_identity.model.labels import labels as parse_labels
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.children import RegisteredChildren
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, Inputs, parsed_by, require_provider
from eks_identity.workloads import program_roles
from eks_identity.workloads.program_roles import MissingTags
from eks_identity.workloads.session_tags import OF_IRSA

PATCH_FORCE = "pulumi.com/patchForce"
"""The annotation by which the kubernetes plugin overwrites fields of other field managers."""


class ServiceAccountSettings(TypedDict):
    """The options of a service account, except for its name and its role."""

    audience: NotRequired[pulumi.Input[str]]
    """Audience of its tokens; the OIDC provider and the role's trust policy must name it too."""
    sts_regional_endpoints: NotRequired[pulumi.Input[bool]]
    """Whether its pods use the STS endpoint of the region; by default as configured for the cluster's webhook."""
    token_expiration: NotRequired[pulumi.Input[int]]
    """Lifetime of its tokens in seconds, 600 to 86,400 (the default)."""
    annotations: NotRequired[dict[str, str]]
    """Annotations other than those of `eks.amazonaws.com/`."""
    labels: NotRequired[dict[str, str]]
    """Labels of the service account."""


class ServiceAccountArgs(ServiceAccountSettings):
    """A service account, and the role of its pods."""

    namespace: pulumi.Input[str]
    """Namespace of the service account: an RFC 1123 label, at most 63 characters (Kubernetes)."""
    name: pulumi.Input[str]
    """Name of the service account: an RFC 1123 subdomain, at most 253 characters (Kubernetes)."""
    role_arn: NotRequired[pulumi.Input[str]]
    """Role of its annotation; omit it for a service account that Pod Identity associates with a role."""
    adopt: NotRequired[bool]
    """Patch an existing service account: the annotations and labels declared here are set, and only these are removed
    when the component is destroyed. The kubernetes plugin creates a missing one."""


@dataclass(frozen=True)
class ServiceAccountOptions:
    """The parsed `ServiceAccountSettings`."""

    audience: pulumi.Input[str] | None = parsed_by(names.audience)
    sts_regional_endpoints: pulumi.Input[bool] | None = parsed_by(names.flag)
    token_expiration: pulumi.Input[int] | None = parsed_by(names.token_expiration)
    annotations: Mapping[str, str] | None = parsed_by(other_annotations)
    labels: Mapping[str, str] | None = parsed_by(parse_labels)

    def webhook_annotations(
        self, inputs: Inputs, role: pulumi.Input[Principal] | pulumi.Input[str] | None, *depends_on: pulumi.Input[Any]
    ) -> pulumi.Input[Mapping[str, str]]:
        """Return all annotations, with those of the webhook, as soon as `role` and `depends_on` are resolved."""
        webhook = {
            "role_arn": role,
            "audience": self.audience,
            "sts_regional_endpoints": self.sts_regional_endpoints,
            "token_expiration": self.token_expiration,
        }
        return inputs.parse("", [self.annotations or {}, webhook, *depends_on], _with_webhook)


def _with_webhook(resolved: Sequence[Any]) -> Mapping[str, str]:
    annotations, webhook, *_ = resolved
    return {**annotations, **webhook_annotations(**webhook)}


@dataclass(frozen=True)
class _Options:
    """The inputs of a ServiceAccount, except for its settings."""

    namespace: pulumi.Input[str] = parsed_by(names.namespace)
    name: pulumi.Input[str] = parsed_by(names.service_account)
    role_arn: pulumi.Input[Principal] | None = parsed_by(arns.role)
    adopt: bool = parsed_by(bool, default=False)


class ServiceAccount(pulumi.ComponentResource):
    """A Kubernetes service account with the annotations that the EKS Pod Identity webhook reads.

    Requires the cluster's kubernetes provider in `opts.providers`. The webhook acts when a pod is created: running pods
    get a change when they are recreated. The kubernetes plugin rejects an existing service account unless `adopt` is
    set: then other annotations and labels stay, also when the component is destroyed. If an adopted service account was
    deleted outside of Pulumi, run `pulumi refresh` before a destroy: the plugin creates an empty one otherwise.
    """

    namespace: pulumi.Output[str]
    """The namespace of the service account."""
    name: pulumi.Output[str]
    """The name of the service account, after it is created."""

    @overload
    def __init__(
        self, resource_name: str, args: ServiceAccountArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[ServiceAccountArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: ServiceAccountArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'ServiceAccount "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, ServiceAccountArgs) as inputs:
            account = inputs.read(_Options)
            options = inputs.read(ServiceAccountOptions)
            annotations = options.webhook_annotations(inputs, account.role_arn)

        super().__init__("eks-identity:index:ServiceAccount", resource_name, {}, opts)
        require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        if account.role_arn is not None:
            fix = "use WorkloadIdentity with mode pod-identity and this role_arn instead of the ServiceAccount"
            calls = [AssumeRoleCall(IRSA, "a pod by IRSA", {}, ":oidc-provider/")]
            program_roles.check_role(inputs, "role_arn", account.role_arn, MissingTags(OF_IRSA, fix), calls)
        registered = register_service_account(
            pulumi.ResourceOptions(parent=self),
            resource_name,
            account.namespace,
            account.name,
            annotations=annotations,
            labels=options.labels,
            adopt=account.adopt,
        )
        self.namespace = pulumi.Output.from_input(account.namespace)
        self.name = registered.result
        self.register_outputs({"namespace": self.namespace, "name": self.name})


def register_service_account(
    opts: pulumi.ResourceOptions,
    name: str,
    namespace: pulumi.Input[str],
    account: pulumi.Input[str],
    *,
    annotations: pulumi.Input[Mapping[str, str]],
    labels: Mapping[str, str] | None,
    adopt: bool,
) -> RegisteredChildren[pulumi.Output[str]]:
    """Register a service account, or the patch of an existing one; the result is its name."""
    if adopt:
        # Annotations of other field managers under the same keys, such as eksctl's role, are overwritten.
        annotations = pulumi.Output.from_input(annotations).apply(lambda resolved: {**resolved, PATCH_FORCE: "true"})
    metadata: dict[str, pulumi.Input[Any]] = {"name": account, "namespace": namespace, "annotations": annotations}
    if labels is not None:
        metadata["labels"] = labels
    resource = _ServiceAccountResource(name, "ServiceAccountPatch" if adopt else "ServiceAccount", metadata, opts)
    return RegisteredChildren([resource], resource.metadata.apply(lambda resolved: str(resolved.get("name", ""))))


class _ServiceAccountResource(pulumi.CustomResource):
    """A ServiceAccount or a ServiceAccountPatch, as `pulumi_kubernetes` declares it.

    The class of `pulumi_kubernetes` is in a module of 42,000 lines: importing it adds a third of a second to a preview.
    """

    metadata: pulumi.Output[dict[str, Any]]

    def __init__(
        self, name: str, kind: str, metadata: Mapping[str, pulumi.Input[Any]], opts: pulumi.ResourceOptions
    ) -> None:
        props = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        opts = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_sdk_version()), opts)
        super().__init__(f"kubernetes:core/v1:{kind}", name, props, opts)


@cache
def _sdk_version() -> str:
    """Return the version of the plugin that belongs to the SDK."""
    return version("pulumi_kubernetes")
