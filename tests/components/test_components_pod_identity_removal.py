"""The preflight check of EKS associations before a role of IRSA stops trusting Pod Identity."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.clients.aws_sessions import AwsClients
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import AwsUnreachableError
from eks_identity.model.subjects import Subject
from eks_identity.runtime import query_cache
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.workloads.association_preflight import ROLE, AssociationPreflight
from support.component_program import ACCOUNT, Cloud, deploy, kubeconfig, provider_arn

ARN = f"arn:aws:iam::{ACCOUNT}:role/my-sa"
BOTH = '{"Statement": [{"Principal": {"Service": "pods.eks.amazonaws.com"}}, {"Principal": {"Federated": "x"}}]}'
IRSA = '{"Statement": [{"Principal": {"Federated": "x"}}]}'
CHILD = "$aws:iam/role:Role::my-sa"
SUBJECTS = [Subject("default", "my-sa"), Subject("team", "second")]


@pytest.fixture
def associated(monkeypatch):
    """The roles of EKS's associations by service account, and the recorded queries."""
    roles, queries = {}, []

    def role(api, namespace, account):
        queries.append((api.name, api.region, f"{namespace}/{account}"))
        result = roles.get(f"{namespace}/{account}")
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(EksApi, "get_pod_identity_role", role)
    return roles, queries


def change(connection, before=BOTH, after=IRSA, child=CHILD, *, role=ARN, options=lambda: None, preview=True):
    """Run the hook as the engine does before it changes the role's trust policy from `before` to `after`."""

    async def run():
        component = pulumi.ComponentResource("eks-identity:index:WorkloadIdentity", "my-sa", {}, options())
        cache = query_cache.program_query_cache()
        preflight = AssociationPreflight(component, 'WorkloadIdentity "my-sa"', connection, cache)
        (hook,) = preflight.before_role_update("my-sa", SUBJECTS).before_update
        inputs = ({"assumeRolePolicy": document} for document in (before, after))
        old, new = inputs
        urn = (await component.urn.future()).replace("::my-sa", child)
        await hook.callback(pulumi.ResourceHookArgs(urn, "", "my-sa", ROLE, new, old, None, {"arn": role}))

    return deploy(lambda: pulumi.Output.from_input(run()), preview=preview, cloud=Cloud())


@pytest.mark.parametrize("preview", [True, False])
def test_role_of_an_association_must_keep_trusting_pod_identity(connection, associated, preview):
    """The error names the service account and the argument to set, in a preview and in an update without preview."""
    roles, queries = associated
    roles["team/second"] = ARN
    with pytest.raises(
        InvalidInputError, match=r"association of team/second is deleted(.|\n)*set keep_pod_identity to True"
    ):
        change(connection, preview=preview)
    assert queries[0] == ("eks-clu", "ap-northeast-1", "default/my-sa")


def test_role_without_association_may_stop_trusting_pod_identity(connection, associated):
    """Without an association, or with one of another role, nothing is rejected."""
    roles, queries = associated
    roles["default/my-sa"] = f"{ARN}-2"
    change(connection)
    assert [account for _, _, account in queries] == ["default/my-sa", "team/second"]


@pytest.mark.parametrize(
    "other",
    [
        {"before": IRSA},
        {"after": BOTH},
        {"after": pulumi.output.UNKNOWN},
        {"child": f"$other:index:Component{CHILD}"},
    ],
    ids=["trusted IRSA only", "trusts both", "not resolved yet", "another role"],
)
def test_eks_is_queried_only_if_the_role_stops_trusting_pod_identity(connection, associated, other):
    """Any other change of a role sends no query."""
    _, queries = associated
    change(connection, **other)
    assert queries == []


def test_eks_without_response_is_reported(connection, associated, monkeypatch):
    """Without permission to read associations the check warns, and rejects nothing."""
    warnings = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: warnings.append(message))
    associated[0]["default/my-sa"] = AwsUnreachableError("no response\n  fix: check the network")
    change(connection)
    assert f"cannot verify whether Pod Identity associations use {ARN}: no response" in warnings[0]


@pytest.mark.parametrize(
    ("account", "is_rejected"), [(ACCOUNT, False), ("444455556666", True)], ids=["the cluster's", "another"]
)
def test_eks_is_queried_with_the_components_credentials(connection, monkeypatch, account, is_rejected):
    """With the credentials of the component's aws provider; those of another account are rejected."""
    credentials, queries = [], []
    monkeypatch.setattr(
        AwsClients, "caller", property(lambda each: (credentials.append(each._settings) or account, "arn:me"))
    )
    monkeypatch.setattr(AwsClients, "client", lambda *_: queries.append(1) or pytest.fail("queried"))
    with (
        pytest.raises(InvalidInputError, match="AWS credentials: 'account 444455556666")
        if is_rejected
        else pytest.raises(pytest.fail.Exception)
    ):
        change(connection, options=lambda: pulumi.ResourceOptions(providers=[aws.Provider("own", profile="deploys")]))
    assert credentials == [{"profile": "deploys"}]
    assert bool(queries) is not is_rejected


def test_role_of_another_account_has_no_association(connection, associated):
    """Associations use roles of the cluster's account only: EKS is not queried for a role of another one."""
    change(connection, role=ARN.replace(ACCOUNT, "444455556666"))
    assert associated[1] == []


def test_workload_identities_of_a_program_share_the_role_hook(connection):
    """The hook is on roles of IRSA without `keep_pod_identity`, and is registered once for all of them."""

    def program():
        on_cluster = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        args = {"cluster": connection, "namespace": "default", "oidc_provider_arn": provider_arn()}
        for name, other in (("a", {}), ("b", {}), ("c", {"keep_pod_identity": True}), ("d", {"mode": "pod-identity"})):
            eks.WorkloadIdentity(name, {**args, "service_account": name, **other}, on_cluster)

    roles = {role.name: list(role.request.hooks.before_update) for role in deploy(program).of(ROLE)}
    assert roles == {"a": ["a-trusts-pod-identity"], "b": ["a-trusts-pod-identity"], "c": [], "d": []}
