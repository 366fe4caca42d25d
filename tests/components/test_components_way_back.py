"""What is asked of EKS before a role of IRSA stops trusting Pod Identity, and what its answer means."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from pulumi_program import ACCOUNT, Cloud, deploy, kubeconfig, provider_arn

import eks_identity as eks
from eks_identity.clients.aws_sessions import Clients
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import AwsUnreachableError
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.workloads.pod_identity_removal import ROLE, PodIdentityRemoval

ARN = f"arn:aws:iam::{ACCOUNT}:role/my-sa"
BOTH = '{"Statement": [{"Principal": {"Service": "pods.eks.amazonaws.com"}}, {"Principal": {"Federated": "x"}}]}'
IRSA = '{"Statement": [{"Principal": {"Federated": "x"}}]}'
CHILD = "$aws:iam/role:Role::my-sa"
MORE = [{"namespace": "team", "name": "second"}]


@pytest.fixture
def associated(monkeypatch):
    """The roles of EKS's associations, by service account; and every question that is asked."""
    roles, asked = {}, []

    def role(api, namespace, account):
        asked.append((api.name, api.region, f"{namespace}/{account}"))
        found = roles.get(f"{namespace}/{account}")
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(EksApi, "pod_identity_role", role)
    return roles, asked


def change(connection, before=BOTH, after=IRSA, child=CHILD, *, role=ARN, options=lambda: None, preview=True):
    """Runs the hook as the engine does where it is about to change the role from `before` to `after`."""

    async def run():
        made = pulumi.ComponentResource("eks-identity:index:WorkloadIdentity", "my-sa", {}, options())
        subjects = [{"namespace": "default", "name": "my-sa"}, *MORE]
        (hook,) = (
            PodIdentityRemoval('WorkloadIdentity "my-sa"', made, "my-sa", connection, subjects).hooks().before_update
        )
        inputs = ({"assumeRolePolicy": document} for document in (before, after))
        old, new = inputs
        urn = (await made.urn.future()).replace("::my-sa", child)
        await hook.callback(pulumi.ResourceHookArgs(urn, "", "my-sa", ROLE, new, old, None, {"arn": role}))

    return deploy(lambda: pulumi.Output.from_input(run()), preview=preview, cloud=Cloud())


@pytest.mark.parametrize("preview", [True, False])
def test_a_role_that_an_association_still_gives_is_refused(connection, associated, preview):
    """The refusal names the service account and the word to write, in the preview and in an update without one."""
    roles, asked = associated
    roles["team/second"] = ARN
    with pytest.raises(
        InvalidInputError, match=r"association of team/second is gone(.|\n)*set keep_pod_identity to True"
    ):
        change(connection, preview=preview)
    assert asked[0] == ("eks-clu", "ap-northeast-1", "default/my-sa")


def test_a_role_that_no_association_gives_may_change(connection, associated):
    """Where there is none, or it gives another role, nothing is refused."""
    roles, asked = associated
    roles["default/my-sa"] = f"{ARN}-2"
    change(connection)
    assert [account for _, _, account in asked] == ["default/my-sa", "team/second"]


@pytest.mark.parametrize(
    "other",
    [
        {"before": IRSA},
        {"after": BOTH},
        {"after": pulumi.output.UNKNOWN},
        {"child": f"$other:index:Component{CHILD}"},
    ],
    ids=["trusted IRSA alone", "trusts both", "not known yet", "another role"],
)
def test_eks_is_asked_only_where_the_role_stops_trusting_pod_identity(connection, associated, other):
    """Any other change of a role costs no call."""
    _, asked = associated
    change(connection, **other)
    assert asked == []


def test_an_eks_that_does_not_answer_is_reported(connection, associated, monkeypatch):
    """Who may not read associations is told that nobody looked, and goes on."""
    said = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: said.append(message))
    associated[0]["default/my-sa"] = AwsUnreachableError("no answer\n  fix: mend it")
    change(connection)
    assert f"cannot see whether pods have {ARN} by Pod Identity: no answer" in said[0]


@pytest.mark.parametrize(
    ("account", "refused"), [(ACCOUNT, False), ("444455556666", True)], ids=["the cluster's", "another"]
)
def test_eks_is_asked_as_the_components_provider(connection, monkeypatch, account, refused):
    """By the credentials of the provider that the component has; refused where these are of another account."""
    said, asked = [], []
    monkeypatch.setattr(Clients, "caller", property(lambda each: (said.append(each._settings) or account, "arn:me")))
    monkeypatch.setattr(Clients, "client", lambda *_: asked.append(1) or pytest.fail("asked"))
    there = pulumi.ResourceOptions
    with (
        pytest.raises(InvalidInputError, match="must be of account")
        if refused
        else pytest.raises(pytest.fail.Exception)
    ):
        change(connection, options=lambda: there(providers=[aws.Provider("there", profile="deploys")]))
    assert said == [{"profile": "deploys"}]
    assert bool(asked) is not refused


def test_a_role_of_another_account_is_no_associations(connection, associated):
    """Pod Identity gives roles of the cluster's account alone; who makes one elsewhere has no say in EKS here."""
    change(connection, role=ARN.replace(ACCOUNT, "444455556666"))
    assert associated[1] == []


def test_all_workloads_of_a_program_share_a_hook(connection):
    """It is on roles of IRSA that do not keep Pod Identity, and one call to the engine is made for all of them."""

    def program():
        on_cluster = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        args = {"cluster": connection, "namespace": "default", "oidc_provider_arn": provider_arn()}
        for name, other in (("a", {}), ("b", {}), ("c", {"keep_pod_identity": True}), ("d", {"mode": "pod-identity"})):
            eks.WorkloadIdentity(name, {**args, "service_account": name, **other}, on_cluster)

    roles = {role.name: list(role.request.hooks.before_update) for role in deploy(program).of(ROLE)}
    assert roles == {"a": ["a-trusts-pod-identity"], "b": ["a-trusts-pod-identity"], "c": [], "d": []}
