"""Pods out to AWS: the role, the service account, and whichever of the two binds them.

`WorkloadIdentity` is the whole chain in one declaration; `IrsaRole` and `ServiceAccount` are its halves, for a role
that many service accounts take on, or a service account whose role is made elsewhere.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from eks_identity import declared
from eks_identity.cluster import ClusterConnection
from eks_identity.errors import InvalidInput, Problem
from eks_identity.iam_roles import TRUST_POLICY, RolePlan, RoleSettings
from eks_identity.inputs import CLUSTER_PROVIDER, Inputs, is_plain, require_provider
from eks_identity.model import names, partitions, trust
from eks_identity.model.annotations import other_annotations, webhook_annotations
from eks_identity.model.issuers import Issuer, Provider
from eks_identity.model.subjects import Subject

IRSA = "irsa"
POD_IDENTITY = "pod-identity"


class SubjectArgs(TypedDict):
    """A service account."""

    namespace: pulumi.Input[str]
    name: pulumi.Input[str]


class IrsaRoleArgs(RoleSettings):
    """A role for service accounts, and which ones."""

    oidc_provider_arns: list[pulumi.Input[str]]
    """`OidcProvider.arn` of each cluster that the service accounts are in; the ARN says the issuer, too."""
    subjects: list[SubjectArgs]
    """The service accounts, each in every one of those clusters."""
    match_wildcards: NotRequired[bool]
    """Let `*` and `?` in subjects match. Whoever may create a matching service account then has the role."""
    audience: NotRequired[pulumi.Input[str]]
    """The audience of the tokens, where the service accounts ask for one of their own."""


class IrsaRole(pulumi.ComponentResource):
    """An IAM role that given service accounts take on with their tokens (IAM roles for service accounts).

    The trust policy names issuer, subjects and audience, always all three. Refused at preview: wildcards that were not
    asked for, a trust policy longer than IAM allows, and whatever IAM or Kubernetes would refuse in a name or ARN.

    Source: EKS user guide, "IAM roles for service accounts".
    """

    arn: pulumi.Output[str]
    role_name: pulumi.Output[str]
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON."""

    def __init__(self, name: str, args: IrsaRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'IrsaRole "{name}"', args, IrsaRoleArgs) as inputs:
            wild = args.get("match_wildcards", False)
            given = {
                "providers": args["oidc_provider_arns"],
                "subjects": [[subject["namespace"], subject["name"]] for subject in args["subjects"]],
                "audience": args.get("audience"),
                "size_limit": TRUST_POLICY[args.get("raised_quotas", False)],
            }
            providers = [
                inputs.take(f"oidc_provider_arns[{index}]", arn, Provider.parse)
                for index, arn in enumerate(args["oidc_provider_arns"])
            ]
            for index, subject in enumerate(args["subjects"]):
                _check_subject(inputs, f"subjects[{index}]", subject["namespace"], subject["name"], wild=wild)
            if is_plain(given) and not inputs.problems.found:
                inputs.problems.take("", _trust, given, wild=wild)
            partition = inputs.later(providers[:1], lambda known: known[0].partition if known else partitions.AWS)
            plan = RolePlan.of(inputs, name, args, partition)

        super().__init__("eks-identity:index:IrsaRole", name, {}, opts)
        self.trust_policy = inputs.later(given, lambda known: trust.compact(_trust(known, wild=wild)))
        role = plan.make(self, name, args, self.trust_policy)
        self.arn = role.arn
        self.role_name = role.name
        self.register_outputs({"arn": self.arn, "role_name": self.role_name, "trust_policy": self.trust_policy})


class ServiceAccountSettings(TypedDict):
    """What is said of a service account besides its name and role: the webhook's annotations, typed, and metadata."""

    audience: NotRequired[pulumi.Input[str]]
    """The audience of its tokens; the OIDC provider and the role's trust policy must name it too."""
    sts_regional_endpoints: NotRequired[pulumi.Input[bool]]
    """Whether its pods ask the region's own STS; else the cluster's default."""
    token_expiration: NotRequired[pulumi.Input[int]]
    """Seconds, 600 to 86,400 (also the default)."""
    annotations: NotRequired[dict[str, str]]
    """Annotations besides those of `eks.amazonaws.com/`."""
    labels: NotRequired[dict[str, str]]


class ServiceAccountArgs(ServiceAccountSettings):
    """A service account, and the role that its pods get."""

    namespace: pulumi.Input[str]
    name: pulumi.Input[str]
    role_arn: NotRequired[pulumi.Input[str]]
    """The role to annotate it with; none where Pod Identity binds it."""


class ServiceAccount(pulumi.ComponentResource):
    """A Kubernetes service account with the annotations that the pod identity webhook reads.

    Needs the cluster's kubernetes provider in `opts.providers`. The webhook acts when a pod is created: after a change,
    pods that run keep what they have until they are made again.
    """

    namespace: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(self, name: str, args: ServiceAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'ServiceAccount "{name}"', args, ServiceAccountArgs) as inputs:
            namespace = inputs.take("namespace", args["namespace"], names.namespace)
            account = inputs.take("name", args["name"], names.service_account)
            annotations = _annotations(inputs, args, args.get("role_arn"))

        super().__init__("eks-identity:index:ServiceAccount", name, {}, opts)
        require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        made = _service_account(self, name, namespace, account, annotations=annotations, settings=args)
        self.namespace = made.metadata.apply(lambda metadata: str(metadata.namespace))
        self.name = made.metadata.apply(lambda metadata: str(metadata.name))
        self.register_outputs({"namespace": self.namespace, "name": self.name})


class WorkloadIdentityArgs(RoleSettings, ServiceAccountSettings):
    """One service account, and what its pods may do in AWS."""

    cluster: ClusterConnection
    """`Cluster.connection`."""
    namespace: pulumi.Input[str]
    service_account: pulumi.Input[str]
    mode: NotRequired[str]
    """`irsa` (also the default) or `pod-identity`, which needs the `eks-pod-identity-agent` add-on, and no Fargate."""
    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """`OidcProvider.arn`; needed with `irsa`, where it also orders the role behind the provider."""
    create_service_account: NotRequired[bool]
    """Whether the service account is made here; also the default."""


class WorkloadIdentity(pulumi.ComponentResource):
    """A role, a service account, and what binds the two: pods of that service account have that role, and no others.

    Registers itself, the role, one attachment for each policy, the service account, and with `pod-identity` the
    association. Needs the cluster's kubernetes provider in `opts.providers` where it makes the service account. Role
    and OIDC provider are in the cluster's account. A second identity of a service account is refused; one by the other
    mode is reported, since Pod Identity wins.
    """

    role_arn: pulumi.Output[str]
    role_name: pulumi.Output[str]
    namespace: pulumi.Output[str]
    service_account: pulumi.Output[str]
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON."""

    def __init__(self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'WorkloadIdentity "{name}"', args, WorkloadIdentityArgs) as inputs:
            cluster = args["cluster"]
            makes_account = args.get("create_service_account", True)
            mode = inputs.one_of(args.get("mode", IRSA), "mode", _mode)
            namespace = inputs.take("namespace", args["namespace"], names.namespace)
            account = inputs.take("service_account", args["service_account"], names.service_account)
            partition = inputs.take("cluster.partition", cluster["partition"], partitions.partition)
            plan = RolePlan.of(inputs, name, args, partition)
            _annotations(inputs, args, None)
            inputs.require(*_mode_problems(mode, args))
            if "oidc_provider_arn" in args:
                inputs.take("oidc_provider_arn", args["oidc_provider_arn"], Provider.parse)

        super().__init__("eks-identity:index:WorkloadIdentity", name, {}, opts)
        assert mode is not None
        inputs.later([cluster["arn"], namespace, account], partial(_declared_once, name, mode))
        if makes_account:
            require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        if mode == IRSA:
            # From the cluster and not from the provider, so that a preview shows it before the provider is made.
            trusted = {field: cluster[field] for field in ("issuer", "partition", "account_id")}
            given = {
                "cluster": trusted,
                "subjects": [[namespace, account]],
                "audience": args.get("audience"),
                "size_limit": TRUST_POLICY[args.get("raised_quotas", False)],
            }
            self.trust_policy = inputs.later(given, lambda known: trust.compact(_trust_of_cluster(known)))
            inputs.later({**trusted, "provider": args["oidc_provider_arn"]}, _require_provider_of_cluster)
        else:
            self.trust_policy = pulumi.Output.from_input(trust.compact(trust.pod_identity_trust()))
        role = plan.make(self, name, args, self.trust_policy)
        if makes_account:
            # Pods come after their service account, and so after the provider that vouches for their tokens.
            vouched = pulumi.Output.all(role.arn, args["oidc_provider_arn"])[0] if mode == IRSA else None
            annotations = _annotations(inputs, args, vouched)
            made = _service_account(self, name, namespace, account, annotations=annotations, settings=args)
            account = made.metadata.apply(lambda metadata: str(metadata.name))
        if mode == POD_IDENTITY:
            aws.eks.PodIdentityAssociation(
                name,
                cluster_name=cluster["name"],
                namespace=namespace,
                service_account=account,
                role_arn=role.arn,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.role_arn = role.arn
        self.role_name = role.name
        self.namespace = namespace
        self.service_account = account
        self.register_outputs(
            {
                "role_arn": self.role_arn,
                "role_name": self.role_name,
                "namespace": self.namespace,
                "service_account": self.service_account,
                "trust_policy": self.trust_policy,
            }
        )


def _declared_once(name: str, mode: str, known: Sequence[str]) -> None:
    """Refuses a second identity of a service account by the same mode, and warns of one by the other mode."""
    arn, namespace, account = known
    key, value = (arn, namespace, account), f"{namespace}/{account}"
    first = declared.first(name, mode, *key)
    if first != name:
        rule = f"a service account has one role by {mode} (one annotation, one association)"
        fix = f'take it out of WorkloadIdentity "{first}" or of WorkloadIdentity "{name}"'
        raise InvalidInput([Problem("service_account", rule, value, fix)])
    shadow = declared.earlier(IRSA if mode == POD_IDENTITY else POD_IDENTITY, *key)
    if shadow is not None:
        pulumi.log.warn(
            f'service account {value} of {arn} is wired twice, by WorkloadIdentity "{shadow}" and "{name}": new pods '
            f"get the role of {POD_IDENTITY}, and that of {IRSA} does nothing; keep both for a migration only"
        )


def _mode(text: str) -> str:
    if text not in {IRSA, POD_IDENTITY}:
        raise InvalidInput([Problem("", f"{IRSA} or {POD_IDENTITY}", text, f"write {IRSA}")])
    return text


def _mode_problems(mode: str | None, args: WorkloadIdentityArgs) -> list[Problem]:
    if mode == IRSA and "oidc_provider_arn" not in args:
        rule = "IRSA needs the account's OIDC provider for the cluster's issuer"
        return [Problem("oidc_provider_arn", rule, None, "pass OidcProvider.arn, or use mode pod-identity")]
    if mode == POD_IDENTITY:
        return [
            Problem(
                field,
                "only IRSA's webhook reads it; with Pod Identity it would do nothing",
                args.get(field),
                "take it out",
            )
            for field in ("oidc_provider_arn", "audience", "token_expiration", "sts_regional_endpoints")
            if field in args
        ]
    return []


def _check_subject(
    inputs: Inputs, under: str, namespace: pulumi.Input[str], name: pulumi.Input[str], *, wild: bool
) -> None:
    """Each half is checked as soon as it is plain, though the other one comes later."""
    inputs.take(
        under,
        [namespace if is_plain(namespace) else "default", name if is_plain(name) else "default"],
        lambda known: Subject.of(str(known[0]), str(known[1]), match_wildcards=wild),
    )


def _trust(known: dict[str, Any], *, wild: bool) -> trust.Document:
    providers = [Provider.parse(arn) for arn in known["providers"]]
    subjects = [Subject.of(namespace, name, match_wildcards=wild) for namespace, name in known["subjects"]]
    return trust.irsa_trust(providers, subjects, audience=known["audience"], size_limit=int(known["size_limit"]))


def _trust_of_cluster(known: dict[str, Any]) -> trust.Document:
    return _trust({**known, "providers": [_provider_of(known["cluster"]).arn]}, wild=False)


def _provider_of(cluster: dict[str, str]) -> Provider:
    partition = partitions.partition(cluster["partition"])
    return Provider(Issuer.parse(cluster["issuer"]), partition, names.account_id(cluster["account_id"]))


def _require_provider_of_cluster(known: dict[str, str]) -> None:
    expected = _provider_of(known)
    if Provider.parse(known["provider"]) != expected:
        rule = f"the provider of this cluster's issuer, in the cluster's account: {expected.arn}"
        fix = (
            "pass the OidcProvider of this cluster; a cluster that was made anew has another issuer, and a role of "
            "another account is an IrsaRole there and a ServiceAccount here"
        )
        raise InvalidInput([Problem("oidc_provider_arn", rule, known["provider"], fix)])


def _annotations(
    inputs: Inputs, settings: ServiceAccountSettings, role_arn: pulumi.Input[str] | None
) -> pulumi.Output[dict[str, str]]:
    own = inputs.take("annotations", settings.get("annotations", {}), other_annotations)
    given = {
        "audience": settings.get("audience"),
        "sts_regional_endpoints": settings.get("sts_regional_endpoints"),
        "token_expiration": settings.get("token_expiration"),
    }
    plain = {field: value for field, value in given.items() if is_plain(value)}
    inputs.problems.take("", lambda: webhook_annotations(**plain))  # type: ignore[arg-type]
    if inputs.problems.found:
        return own
    typed = inputs.later({**given, "role_arn": role_arn}, lambda known: webhook_annotations(**known))
    return pulumi.Output.all(own, typed).apply(lambda both: {**both[0], **both[1]})


def _service_account(
    parent: pulumi.ComponentResource,
    name: str,
    namespace: pulumi.Output[str],
    account: pulumi.Output[str],
    *,
    annotations: pulumi.Output[dict[str, str]],
    settings: ServiceAccountSettings,
) -> k8s.core.v1.ServiceAccount:
    return k8s.core.v1.ServiceAccount(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=account, namespace=namespace, annotations=annotations, labels=settings.get("labels")
        ),
        opts=pulumi.ResourceOptions(parent=parent),
    )
