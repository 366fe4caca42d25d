"""What is asked of EKS and of the cluster before a service account or an association is made, and what answers mean."""

import asyncio

import pulumi
import pulumi_kubernetes as k8s
import pytest
from hooked import hooks
from pulumi_program import ACCOUNT, Cloud, deploy, kubeconfig, provider_arn

import eks_identity as eks
from eks_identity.clients import kubernetes_api
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import AwsRefusedError, ClusterUnreachableError
from eks_identity.model.associations import Association
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.workloads.associations import ASSOCIATION
from eks_identity.workloads.existing_service_accounts import ACCOUNT as SERVICE_ACCOUNT
from eks_identity.workloads.existing_service_accounts import PATCH

THEIRS = f"arn:aws:iam::{ACCOUNT}:role/theirs"
OURS = f"arn:aws:iam::{ACCOUNT}:role/ours"
OWNER = f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:addon/eks-clu/aws-ebs-csi-driver/1"
IRSA = {"oidc_provider_arn": provider_arn()}
POD_IDENTITY = {"mode": "pod-identity"}


class Found:
    """What there is, and every question that was asked."""

    def __init__(self):
        self.associations = {}
        self.accounts = {}
        self.asked = []

    def associations_of(self, api, namespace):
        self.asked.append(("EKS", api.name, namespace))
        return {name: name for name in _answer(self.associations)}

    def accounts_of(self, _kubeconfig, kind, namespace):
        self.asked.append((kind, namespace))
        return _answer(self.accounts)


def _answer(there):
    if isinstance(there, Exception):
        raise there
    return there


@pytest.fixture
def found(monkeypatch):
    there = Found()

    def associations_of(api, namespace):
        return there.associations_of(api, namespace)

    monkeypatch.setattr(EksApi, "pod_identity_associations", associations_of)
    monkeypatch.setattr(EksApi, "pod_identity_association", lambda _, id_: there.associations[id_])
    monkeypatch.setattr(kubernetes_api, "listed", there.accounts_of)
    return there


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: said.append(message))
    return said


def association(**other):
    return Association(**{"cluster": "eks-clu", "id": "a-1", "role_arn": THEIRS, **other})


def run(connection, child, *workloads, update=False, namespace="default", preview=True):
    """Declares a workload identity for each of `workloads`, and asks as the engine does before it makes a `child`."""
    question = "association-is-new" if child == ASSOCIATION else "service-account-is-new"

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
def test_an_association_that_is_there_is_refused(connection, found, preview):
    """It is named with the role that pods get now; the fix adopts it by import, deletes it, or removes ours."""
    found.associations["sa-0"] = association()
    with pytest.raises(InvalidInputError) as refusal:
        run(connection, ASSOCIATION, POD_IDENTITY, preview=preview)
    (problem,) = refusal.value.problems
    assert (problem.input, problem.value) == ("service_account", "default/sa-0")
    assert f"a-1 of eks-clu gives its pods {THEIRS}" in problem.rule
    assert "delete-pod-identity-association --cluster-name eks-clu --association-id a-1" in problem.fix
    assert "pulumi import aws:eks/podIdentityAssociation:PodIdentityAssociation imported-" in problem.fix
    assert " eks-clu,a-1 --protect=false" in problem.fix


def test_an_association_of_an_addon_is_changed_through_the_addon(connection, found):
    """EKS would refuse to delete it: the message has the add-on in place of that."""
    found.associations["sa-0"] = association(owner_arn=OWNER)
    with pytest.raises(
        InvalidInputError, match="aws eks update-addon --cluster-name eks-clu --addon-name aws-ebs-csi-driver"
    ) as refusal:
        run(connection, ASSOCIATION, POD_IDENTITY)
    assert "owned by the add-on aws-ebs-csi-driver" in str(refusal.value)
    assert "delete-pod" not in str(refusal.value)


def test_eks_is_asked_once_for_a_namespace(connection, found):
    """Many new associations are one call, and those that are not there none besides."""
    found.associations["other"] = association()
    run(connection, ASSOCIATION, *[POD_IDENTITY] * 5)
    assert found.asked == [("EKS", "eks-clu", "default")]


def test_a_service_account_that_is_there_is_refused(connection, found):
    """Whoever wrote it is named, with the word that adopts it."""
    found.accounts["sa-0"] = ["eksctl"]
    with pytest.raises(
        InvalidInputError, match=r"written by eksctl(.|\n)*set service_account_management to adopt"
    ) as refusal:
        run(connection, SERVICE_ACCOUNT, IRSA)
    assert "aliases" not in str(refusal.value)


def test_one_that_pulumi_wrote_may_have_had_another_name(connection, found):
    """Adopted, it would go with the resource that made it: the message says so."""
    found.accounts["sa-0"] = ["pulumi-kubernetes-1a2b3c4d"]
    with pytest.raises(InvalidInputError, match=r"in opts\.aliases"):
        run(connection, SERVICE_ACCOUNT, IRSA)


def test_a_cluster_is_asked_once_for_a_namespace(connection, found):
    """Many new service accounts are one list of the cluster and one of EKS."""
    run(connection, SERVICE_ACCOUNT, *[IRSA] * 5)
    assert found.asked == [("ServiceAccount", "default"), ("EKS", "eks-clu", "default")]


def test_a_change_and_an_adoption_ask_the_cluster_nothing(connection, found):
    """The service account is there in both, as it should be."""
    found.accounts = {"sa-0": []}
    run(connection, SERVICE_ACCOUNT, IRSA, update=True)
    run(connection, PATCH, {**IRSA, "service_account_management": "adopt"})
    assert {place for place, *_ in found.asked} == {"EKS"}


def test_a_cluster_that_is_still_to_be_made_is_not_asked(connection, found):
    """Its kubeconfig and its region are not known yet, and neither is anything in it."""

    def late():
        """Outputs belong to the program that makes them."""
        unknown = pulumi.Output.from_input(asyncio.sleep(0, pulumi.output.UNKNOWN))
        return {**connection, "kubeconfig": unknown, "region": unknown}

    run(late, SERVICE_ACCOUNT, IRSA)
    run(late, ASSOCIATION, POD_IDENTITY)
    assert found.asked == []


def test_who_does_not_answer_is_reported_once(connection, found, warnings):
    """Nobody can see what is there: it is said once, not asked again, and nothing is refused."""
    found.accounts = ClusterUnreachableError("no answer\n  fix: mend it")
    found.associations = AwsRefusedError("AccessDenied\n  fix: ask for it")
    run(connection, SERVICE_ACCOUNT, *[IRSA] * 3)
    assert sorted(said.partition(":")[0] for said in warnings) == [
        "cannot see whether default/sa-0 has an association of Pod Identity",
        "cannot see whether service account default/sa-0 is there already",
    ]
    assert len(found.asked) == 2


@pytest.mark.parametrize("update", [True, False], ids=["changed", "made"])
def test_an_association_that_wins_over_the_annotation_is_reported(connection, found, warnings, update):
    """The warning has the role that pods really get, the one behind a target role too."""
    found.associations["sa-0"] = association(target_role_arn=f"{THEIRS}-there")
    run(connection, SERVICE_ACCOUNT, IRSA, update=update)
    (said,) = warnings
    assert f"new pods of default/sa-0 get {THEIRS}-there by Pod Identity, which wins" in said


def test_an_association_of_the_same_role_is_a_mode_that_changes(connection, found, warnings):
    """On the way from Pod Identity to IRSA both are there, and say the same."""
    found.associations["sa-0"] = association(role_arn=OURS)
    run(connection, SERVICE_ACCOUNT, {**IRSA, "role_arn": OURS}, update=True)
    assert warnings == []


def test_all_workloads_of_a_program_share_their_hooks(connection):
    """Each question is one hook, and what asks nothing has none."""

    def program():
        on_cluster = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        args = {"cluster": connection, "namespace": "default"}
        adopt = {"service_account_management": "adopt", "labels": {"team": "shop"}}
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
        ("ServiceAccountPatch", "d-default.d"): ([], []),
    }


def _hooks(resource):
    hooks = resource.request.hooks
    return list(hooks.before_create), list(hooks.before_update)
