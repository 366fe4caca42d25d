"""Preflight checks of EKS associations and service accounts, before the engine creates or changes one."""

import asyncio

import pulumi
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.clients import kubernetes_api
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import AwsDeniedError, ClusterUnreachableError
from eks_identity.model.associations import Association
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.workloads.association_preflight import ASSOCIATION
from eks_identity.workloads.service_account_preflight import PATCH, SERVICE_ACCOUNT
from support.component_program import ACCOUNT, Cloud, deploy, kubeconfig, provider_arn
from support.hook_recorder import hooks

THEIRS = f"arn:aws:iam::{ACCOUNT}:role/theirs"
OURS = f"arn:aws:iam::{ACCOUNT}:role/ours"
OWNER = f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:addon/eks-clu/aws-ebs-csi-driver/1"
QUESTIONS = {
    ASSOCIATION: "association-is-new",
    SERVICE_ACCOUNT: "service-account-is-new",
    PATCH: "service-account-exists",
}
ADOPT = {"service_account_management": "adopt"}
IRSA = {"oidc_provider_arn": provider_arn()}
POD_IDENTITY = {"mode": "pod-identity"}


class Existing:
    """Existing associations and service accounts, and the recorded queries."""

    def __init__(self):
        self.associations = {}
        self.accounts = {}
        self.queries = []

    def associations_of(self, api, namespace):
        self.queries.append(("EKS", api.name, namespace))
        return {name: name for name in _response(self.associations)}

    def accounts_of(self, _kubeconfig, kind, namespace):
        self.queries.append((kind, namespace))
        return _response(self.accounts)


def _response(existing):
    if isinstance(existing, Exception):
        raise existing
    return existing


@pytest.fixture
def existing(monkeypatch):
    objects = Existing()

    def associations_of(api, namespace):
        return objects.associations_of(api, namespace)

    monkeypatch.setattr(EksApi, "list_pod_identity_associations", associations_of)
    monkeypatch.setattr(EksApi, "describe_pod_identity_association", lambda _, id_: objects.associations[id_])
    monkeypatch.setattr(kubernetes_api, "list_field_managers", objects.accounts_of)
    return objects


@pytest.fixture
def warnings(monkeypatch):
    messages = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: messages.append(message))
    return messages


def association(**other):
    return Association(**{"cluster": "eks-clu", "id": "a-1", "role_arn": THEIRS, **other})


def run(connection, child, *workloads, update=False, namespace="default", preview=True):
    """Declares a workload identity for each of `workloads`, and asks as the engine does before it makes a `child`."""
    question = QUESTIONS[child]

    async def ask(registered, made):
        for name, component in made.items():
            inputs = {
                "namespace": namespace,
                "serviceAccount": name,
                "metadata": {"namespace": namespace, "name": name},
            }
            child_name = f"{name}-{namespace}.{name}"
            await registered.before(question, component, (child, child_name), inputs, inputs if update else None)

    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        args = {"cluster": connection() if callable(connection) else connection, "namespace": namespace}
        made = {
            f"sa-{index}": eks.WorkloadIdentity(
                f"sa-{index}", {**args, "service_account": f"sa-{index}", **other}, options
            )
            for index, other in enumerate(workloads)
        }
        return pulumi.Output.from_input(ask(registered, made))

    with hooks() as registered:
        return deploy(program, preview=preview, cloud=Cloud())


@pytest.mark.parametrize("preview", [True, False])
def test_existing_association_is_rejected(connection, existing, preview):
    """The error names it and the role of its pods; the fix imports it, deletes it, or removes the declared one."""
    existing.associations["sa-0"] = association()
    with pytest.raises(InvalidInputError) as refusal:
        run(connection, ASSOCIATION, POD_IDENTITY, preview=preview)
    (problem,) = refusal.value.problems
    assert (problem.input, problem.value) == ("service_account", "default/sa-0")
    assert f"a-1 of eks-clu gives its pods {THEIRS}" in problem.rule
    assert "delete-pod-identity-association --cluster-name eks-clu --association-id a-1" in problem.fix
    assert "pulumi import aws:eks/podIdentityAssociation:PodIdentityAssociation imported-" in problem.fix
    assert " eks-clu,a-1 --protect=false" in problem.fix


def test_existing_association_of_an_addon_is_changed_through_the_addon(connection, existing):
    """EKS rejects deleting it: the fix names the add-on, whose Addon accepts the role without an error."""
    existing.associations["sa-0"] = association(owner_arn=OWNER)
    with pytest.raises(
        InvalidInputError, match="aws eks update-addon --cluster-name eks-clu --addon-name aws-ebs-csi-driver"
    ) as refusal:
        run(connection, ASSOCIATION, POD_IDENTITY)
    assert "owned by the add-on aws-ebs-csi-driver" in str(refusal.value)
    assert "delete-pod" not in str(refusal.value)
    assert 'remove it from WorkloadIdentity "sa-0"' in str(refusal.value)
    assert "serviceAccount=sa-0,roleArn=ARN`" in str(refusal.value)
    assert "set mode to pod-identity and role_arn of its Addon" in str(refusal.value)
    addon = {"addon_name": "aws-ebs-csi-driver", "mode": "pod-identity", "role_arn": THEIRS}
    (declared,) = deploy(lambda: eks.Addon("driver", {"cluster": connection, **addon})).of("aws:eks/addon:Addon")
    assert declared.inputs["podIdentityAssociations"][0]["roleArn"] == THEIRS


def test_associations_are_queried_once_for_each_namespace(connection, existing):
    """Many new associations send one query, and missing ones send no second one."""
    existing.associations["other"] = association()
    run(connection, ASSOCIATION, *[POD_IDENTITY] * 5)
    assert existing.queries == [("EKS", "eks-clu", "default")]


def test_existing_service_account_is_rejected(connection, existing):
    """The error names the field manager, and the argument that adopts the service account."""
    existing.accounts["sa-0"] = ["eksctl"]
    with pytest.raises(
        InvalidInputError, match=r"written by eksctl(.|\n)*set service_account_management to adopt"
    ) as refusal:
        run(connection, SERVICE_ACCOUNT, IRSA)
    assert "aliases" not in str(refusal.value)


def test_existing_service_account_of_pulumi_has_a_fix_with_aliases(connection, existing):
    """An adopted one would be deleted with the resource that created it: the fix names opts.aliases.

    One that an interrupted update created is not in the state, and the fix deletes it.
    """
    existing.accounts["sa-0"] = ["pulumi-kubernetes-1a2b3c4d"]
    with pytest.raises(
        InvalidInputError, match=r"in opts\.aliases(.|\n)*`kubectl delete serviceaccount sa-0 -n default`"
    ):
        run(connection, SERVICE_ACCOUNT, IRSA)


def test_service_accounts_are_queried_once_for_each_namespace(connection, existing):
    """Many new service accounts send one query to the cluster and one to EKS."""
    run(connection, SERVICE_ACCOUNT, *[IRSA] * 5)
    assert existing.queries == [("ServiceAccount", "default"), ("EKS", "eks-clu", "default")]


def test_changed_and_adopted_service_accounts_do_not_query_the_cluster(connection, existing):
    """A changed service account exists; the update may create an adopted one before it is patched."""
    existing.accounts = {"sa-0": []}
    run(connection, SERVICE_ACCOUNT, IRSA, update=True)
    run(connection, PATCH, {**IRSA, **ADOPT})
    run(connection, PATCH, {**IRSA, **ADOPT}, update=True, preview=False)
    assert {endpoint for endpoint, *_ in existing.queries} == {"EKS"}


def test_adopted_service_account_must_exist_in_the_update(connection, existing):
    """The kubernetes plugin would create a missing one: the update rejects it, and has fixes."""
    existing.accounts = {"other": []}
    with pytest.raises(InvalidInputError) as refusal:
        run(connection, PATCH, {**IRSA, **ADOPT}, preview=False)
    (problem,) = refusal.value.problems
    assert (problem.input, problem.value) == ("service_account", "default/sa-0")
    assert problem.rule.startswith("must exist: service_account_management is adopt")
    assert "depends_on" in problem.fix
    existing.accounts["sa-0"] = ["eksctl"]
    run(connection, PATCH, {**IRSA, **ADOPT}, preview=False)


def test_adopted_service_account_that_cannot_be_verified_is_reported(connection, existing, warnings):
    """A cluster that does not respond rejects nothing, and one warning says so."""
    existing.accounts = ClusterUnreachableError("no response\n  fix: check the network")
    run(connection, PATCH, *[{**IRSA, **ADOPT}] * 2, preview=False)
    (warning,) = warnings
    assert warning.startswith("cannot verify that service account default/sa-0 exists: ")


def test_cluster_that_does_not_exist_yet_is_not_queried(connection, existing):
    """Its kubeconfig and its region are not resolved, and nothing exists in it."""

    def late():
        """Return unresolved Outputs, which belong to the program that creates them."""
        unknown = pulumi.Output.from_input(asyncio.sleep(0, pulumi.output.UNKNOWN))
        return {**connection, "kubeconfig": unknown, "region": unknown}

    run(late, SERVICE_ACCOUNT, IRSA)
    run(late, ASSOCIATION, POD_IDENTITY)
    assert existing.queries == []


def test_endpoint_without_response_is_reported_once(connection, existing, warnings):
    """An endpoint that does not respond is reported once and not queried again, and nothing is rejected."""
    existing.accounts = ClusterUnreachableError("no response\n  fix: check the network")
    existing.associations = AwsDeniedError("AccessDenied\n  fix: ask for it")
    run(connection, SERVICE_ACCOUNT, *[IRSA] * 3)
    assert sorted(warning.partition(":")[0] for warning in warnings) == [
        "cannot verify that service account default/sa-0 does not exist yet",
        "cannot verify whether default/sa-0 has a Pod Identity association",
    ]
    assert len(existing.queries) == 2


@pytest.mark.parametrize("update", [True, False], ids=["changed", "created"])
def test_association_that_replaces_the_annotation_is_reported(connection, existing, warnings, update):
    """The warning names the role that pods get, also the target role of an association."""
    existing.associations["sa-0"] = association(target_role_arn=f"{THEIRS}-there")
    run(connection, SERVICE_ACCOUNT, IRSA, update=update)
    (warning,) = warnings
    assert f"new pods of default/sa-0 get {THEIRS}-there by Pod Identity, which EKS uses instead" in warning


def test_association_of_the_same_role_is_not_reported(connection, existing, warnings):
    """During a change from Pod Identity to IRSA both exist, and give the same role."""
    existing.associations["sa-0"] = association(role_arn=OURS)
    run(connection, SERVICE_ACCOUNT, {**IRSA, "role_arn": OURS}, update=True)
    assert warnings == []


def test_workload_identities_of_a_program_share_their_hooks(connection):
    """Each check is one hook of the program, before the operations that it concerns."""

    def program():
        on_cluster = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        args = {"cluster": connection, "namespace": "default"}
        adopt = {**ADOPT, "labels": {"team": "shop"}}
        for name, other in (("a", IRSA), ("b", IRSA), ("c", POD_IDENTITY), ("d", {**POD_IDENTITY, **adopt})):
            eks.WorkloadIdentity(name, {**args, "service_account": name, **other}, on_cluster)

    made = deploy(program).of(SERVICE_ACCOUNT, PATCH, ASSOCIATION)
    hooks = {(each.kind, each.name): _hooks(each) for each in made}
    assert hooks == {
        ("ServiceAccount", "a-default.a"): (
            ["a-default.a-service-account-is-new"],
            ["a-default.a-service-account-is-new"],
        ),
        ("ServiceAccount", "b-default.b"): (
            ["a-default.a-service-account-is-new"],
            ["a-default.a-service-account-is-new"],
        ),
        ("PodIdentityAssociation", "c-default.c"): (["c-default.c-association-is-new"], []),
        ("ServiceAccount", "c-default.c"): (["a-default.a-service-account-is-new"], []),
        ("PodIdentityAssociation", "d-default.d"): (["c-default.c-association-is-new"], []),
        ("ServiceAccountPatch", "d-default.d"): (["d-default.d-service-account-exists"], []),
    }


def _hooks(resource):
    hooks = resource.request.hooks
    return list(hooks.before_create), list(hooks.before_update)
