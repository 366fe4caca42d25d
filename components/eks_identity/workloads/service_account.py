"""Kubernetes service accounts with the annotations that the pod identity webhook reads."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, NotRequired, TypedDict

import pulumi

from eks_identity.evaluation.trust_conditions import IRSA, Assumed
from eks_identity.model import names
from eks_identity.model.annotations import other_annotations, webhook_annotations
from eks_identity.runtime.children import Registered
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, Inputs, is_plain, require_provider
from eks_identity.workloads import program_roles
from eks_identity.workloads.session_tags import OF_IRSA

PATCH_FORCE = "pulumi.com/patchForce"
"""The annotation by which the kubernetes plugin takes over fields that somebody else set."""


class ServiceAccountSettings(TypedDict):
    """What is said of a service account besides its name and role: the webhook's annotations, typed, and metadata."""

    audience: NotRequired[pulumi.Input[str]]
    """The audience of its tokens; the OIDC provider and the role's trust policy must name it too."""
    sts_regional_endpoints: NotRequired[pulumi.Input[bool]]
    """Whether its pods ask the region's own STS; else the cluster's default."""
    token_expiration: NotRequired[pulumi.Input[int]]
    """How long its tokens last: seconds, 600 to 86,400 (also the default)."""
    annotations: NotRequired[dict[str, str]]
    """Annotations besides those of `eks.amazonaws.com/`."""
    labels: NotRequired[dict[str, str]]
    """Labels of the service account."""


class ServiceAccountArgs(ServiceAccountSettings):
    """A service account, and the role that its pods get."""

    namespace: pulumi.Input[str]
    """The namespace that it is in: an RFC 1123 label, at most 63 characters (Kubernetes)."""
    name: pulumi.Input[str]
    """Its name: an RFC 1123 subdomain, at most 253 characters (Kubernetes)."""
    role_arn: NotRequired[pulumi.Input[str]]
    """The role to annotate it with; none where Pod Identity binds it."""
    adopt: NotRequired[bool]
    """The service account is there: only what is said here is put on it, and only that goes when this is destroyed."""


class ServiceAccount(pulumi.ComponentResource):
    """A Kubernetes service account with the annotations that the pod identity webhook reads.

    Needs the cluster's kubernetes provider in `opts.providers`. The webhook acts when a pod is created: after a change,
    pods that run keep what they have until they are made again. One that is there already is refused by the kubernetes
    plugin, unless `adopt` is set: then annotations and labels of others stay, also when this is destroyed.
    """

    namespace: pulumi.Output[str]
    """The namespace that it is in."""
    name: pulumi.Output[str]
    """Its name, once it is there."""

    def __init__(self, name: str, args: ServiceAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'ServiceAccount "{name}"', args, ServiceAccountArgs) as inputs:
            namespace = inputs.take("namespace", args["namespace"], names.namespace)
            account = inputs.take("name", args["name"], names.service_account)
            annotations = annotations_of(inputs, args, args.get("role_arn"))

        super().__init__("eks-identity:index:ServiceAccount", name, {}, opts)
        require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        if "role_arn" in args:
            fix = "use WorkloadIdentity with mode pod-identity and this role_arn in place of the ServiceAccount"
            pods = [Assumed(IRSA, "a pod by IRSA", {}, ":oidc-provider/")]
            program_roles.check(inputs, "role_arn", args["role_arn"], untagged=OF_IRSA, fix=fix, calls=pods)
        adopt = args.get("adopt", False)
        self.namespace = pulumi.Output.from_input(namespace)
        made = declare(self, name, namespace, account, annotations=annotations, settings=args, adopt=adopt)
        self.name = made.result
        self.register_outputs({"namespace": self.namespace, "name": self.name})


def annotations_of(
    inputs: Inputs, settings: ServiceAccountSettings, role_arn: pulumi.Input[str] | None, *, webhook: bool = True
) -> pulumi.Input[dict[str, str]]:
    """The annotations that `settings` say; without those of the webhook where it is not to act."""
    own = inputs.take("annotations", settings.get("annotations", {}), other_annotations)
    fields = ("audience", "sts_regional_endpoints", "token_expiration")
    given: dict[str, Any] = {field: settings[field] for field in fields if field in settings}  # type: ignore[literal-required]
    plain = {field: value for field, value in given.items() if is_plain(value)}
    inputs.problems.parse("", lambda: webhook_annotations(**plain))
    if inputs.problems.found or not webhook:
        return own
    return inputs.once_known(
        [own, {**given, "role_arn": role_arn}], lambda known: {**known[0], **webhook_annotations(**known[1])}
    )


def declare(
    parent: pulumi.ComponentResource,
    name: str,
    namespace: pulumi.Input[str],
    account: pulumi.Input[str],
    *,
    annotations: pulumi.Input[dict[str, str]],
    settings: ServiceAccountSettings,
    adopt: bool,
    after: Sequence[pulumi.Resource] = (),
    hooks: pulumi.ResourceHookBinding | None = None,
) -> Registered[pulumi.Output[str]]:
    """Registers the service account below `parent`, or what is put on one that exists; the result is its name."""
    opts = pulumi.ResourceOptions(parent=parent, depends_on=list(after), hooks=hooks)
    if adopt:
        # What others wrote under the same keys, such as eksctl's role, is taken over; their other fields stay theirs.
        annotations = pulumi.Output.from_input(annotations).apply(lambda known: {**known, PATCH_FORCE: "true"})
    metadata: dict[str, Any] = {"name": account, "namespace": namespace, "annotations": annotations}
    if "labels" in settings:
        metadata["labels"] = settings["labels"]
    declared = _Account(name, "ServiceAccountPatch" if adopt else "ServiceAccount", metadata, opts)
    return Registered([declared], declared.metadata.apply(lambda known: str(known.get("name", ""))))


class _Account(pulumi.CustomResource):
    """A ServiceAccount, or what is put on one that exists, as `pulumi_kubernetes` declares it.

    Its own class is in a module of 42,000 lines: a preview would take a third of a second longer.
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
    """That of the plugin which the SDK goes with."""
    return version("pulumi_kubernetes")
