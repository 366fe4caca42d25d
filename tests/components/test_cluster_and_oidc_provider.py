"""Cluster, existing or new, and OidcProvider."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_eks
import pytest

import eks_identity as eks
from eks_identity.clusters.new_cluster import keep_aws_auth_data
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.workloads.oidc_provider import OidcProvider
from support.component_program import ACCOUNT, ISSUER, Cloud, PluginError, cluster_facts, deploy, provider_arn

PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
EKS = "eks:index:Cluster"
OUTPUTS = {"name", "arn", "endpoint", "certificate_authority", "issuer", "region", "account_id", "partition"}


def existing_cluster(**args):
    return lambda: eks.Cluster("clu", {"name": "eks-clu", **args}).connection


def test_existing_cluster_is_looked_up_by_name():
    """The outputs come from DescribeCluster; the kubeconfig has the region and v1beta1, and no profile."""
    deployment = deploy(existing_cluster(role_arn=f"arn:aws:iam::{ACCOUNT}:role/team/admin"))
    connection = deployment.value
    assert set(connection) >= OUTPUTS
    assert (connection["issuer"], connection["account_id"], connection["partition"]) == (ISSUER, ACCOUNT, "aws")
    assert connection["authentication_mode"] == "API_AND_CONFIG_MAP"
    (user,) = json.loads(connection["kubeconfig"])["users"]
    command = user["user"]["exec"]
    assert command["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    assert command["interactiveMode"] == "Never"
    assert command["args"][:6] == ["--region", "ap-northeast-1", "eks", "get-token", "--cluster-name", "eks-clu"]
    assert command["args"][-2:] == ["--role-arn", f"arn:aws:iam::{ACCOUNT}:role/team/admin"]
    assert "env" not in command
    provider = deployment.one("pulumi:providers:kubernetes").inputs
    assert provider["kubeconfig"] == connection["kubeconfig"]
    assert (provider["enableServerSideApply"], provider["enableConfigMapMutable"]) == ("true", "true")


def test_kubeconfig_has_a_profile_only_if_set():
    """AWS_PROFILE is in the kubeconfig only with the input profile."""
    (user,) = json.loads(deploy(existing_cluster(profile="admin")).value["kubeconfig"])["users"]
    assert user["user"]["exec"]["env"] == [{"name": "AWS_PROFILE", "value": "admin"}]


def test_cluster_without_access_config_has_mode_config_map():
    """If DescribeCluster returns no access config, the mode is CONFIG_MAP."""
    cloud = Cloud(getCluster={**cluster_facts(), "accessConfigs": []})
    assert deploy(existing_cluster(), cloud=cloud).value["authentication_mode"] == "CONFIG_MAP"


@pytest.mark.parametrize("mode", [None, "CONFIG_MAP", pulumi_eks.AuthenticationMode.API_AND_CONFIG_MAP])
def test_new_cluster_is_created_by_pulumi_eks(mode):
    """Options keep their own names; the mode is API by default, and pulumi_eks creates no OIDC provider."""
    options = {"instance_type": "t3.small", "skip_default_node_group": True}
    if mode is not None:
        options["authentication_mode"] = mode
    deployment = deploy(lambda: eks.Cluster("clu", {"name": "shop", "create": options}), preview=True)
    inputs = deployment.one(EKS).inputs
    assert inputs["name"] == "shop"
    assert inputs["instanceType"] == "t3.small"
    assert inputs["authenticationMode"] == (getattr(mode, "value", mode) or "API")
    assert inputs["createOidcProvider"] is False
    assert inputs["enableConfigMapMutable"] is True
    assert len(deployment.one(EKS).request.transforms) == 3


def transformed(type_, props):
    args = pulumi.ResourceTransformArgs(
        custom=True, type_=type_, name="x", props=props, opts=pulumi.ResourceOptions(protect=True)
    )
    return keep_aws_auth_data(args)


def test_new_cluster_ignores_changes_of_aws_auth_data_only():
    """pulumi_eks creates the ConfigMap, and later changes of its data are ignored; other resources are unchanged."""
    result = transformed("kubernetes:core/v1:ConfigMap", {"metadata": {"name": "aws-auth"}, "data": {}})
    assert result.opts.ignore_changes == ["data"]
    assert result.opts.protect is True
    assert transformed("kubernetes:core/v1:ConfigMap", {"metadata": {"name": "other"}}) is None
    assert transformed("kubernetes:core/v1:Secret", {"metadata": {"name": "aws-auth"}}) is None


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({}, "name"),
        ({"name": "a.b"}, "name"),
        ({"name": "a", "role_arn": f"arn:aws:iam::{ACCOUNT}:user/x"}, "role_arn"),
        ({"create": {"instance_typ": "x"}}, "create.instance_typ"),
        ({"create": {"create_oidc_provider": True}}, "create.create_oidc_provider"),
        ({"create": {"user_mappings": []}}, "create.user_mappings"),
        ({"create": {"authentication_mode": "BOTH"}}, "create.authentication_mode"),
    ],
)
def test_cluster_rejects_invalid_inputs(args, field):
    """The error names the input and a fix, before anything is registered."""
    with pytest.raises(InvalidInputError) as error:
        deploy(lambda: eks.Cluster("clu", args), preview=True)
    (problem,) = error.value.problems
    assert problem.input == field
    assert problem.fix


def provider(**args):
    return lambda: eks.OidcProvider("irsa", {"issuer": ISSUER, **args}).arn


def test_oidc_provider_is_created_without_a_thumbprint():
    """It has the URL with https and the audience of the pods' tokens; the program makes no AWS call."""
    deployment = deploy(provider(tags={"team": "shop"}))
    assert deployment.one(PROVIDER).inputs == {
        "url": ISSUER,
        "clientIdLists": ["sts.amazonaws.com"],
        "tags": {"team": "shop"},
    }
    assert deployment.value == provider_arn()
    assert deployment.one(PROVIDER).request.hooks.before_create == ["irsa-oidc-provider-is-new"]
    assert deployment.cloud.calls == []


EXISTING = {"arn": provider_arn(), "url": ISSUER, "clientIdLists": ["sts.amazonaws.com"], "id": provider_arn()}


def test_adopted_oidc_provider_is_looked_up_and_not_registered():
    """Adopting registers no provider, so that `pulumi destroy` keeps it."""
    deployment = deploy(provider(adopt=True), preview=True, cloud=Cloud(getOpenIdConnectProvider=EXISTING))
    assert deployment.value == provider_arn()
    assert [type_ for type_, _ in deployment.names] == ["eks-identity:index:OidcProvider"]
    assert deployment.cloud.calls[0].args == {"url": ISSUER}


def test_adopting_a_missing_oidc_provider_is_rejected():
    """The preview fails if the account has no provider of the issuer."""
    absent = Cloud(getOpenIdConnectProvider=PluginError("no matching IAM OIDC Provider found"))
    with pytest.raises(InvalidInputError, match="fix:  set adopt to False"):
        deploy(provider(adopt=True), preview=True, cloud=absent)


def test_adopting_an_oidc_provider_without_the_audience_is_rejected():
    """The error at preview has the command that adds the audience."""
    cloud = Cloud(getOpenIdConnectProvider={**EXISTING, "clientIdLists": ["other"]})
    with pytest.raises(InvalidInputError, match="add-client-id-to-open-id-connect-provider"):
        deploy(provider(adopt=True), preview=True, cloud=cloud)


def run_creation_hook(cloud):
    """Run the hook that the engine runs before it creates the provider."""

    async def run():
        component = eks.OidcProvider("irsa", {"issuer": ISSUER})
        (hook,) = component._reject_existing("irsa", 'OidcProvider "irsa"').before_create
        urn = (await component.urn.future()).replace("::irsa", f"${PROVIDER}::irsa")
        await hook.callback(pulumi.ResourceHookArgs(urn, "", "irsa", PROVIDER, new_inputs={"url": ISSUER}))

    return deploy(lambda: pulumi.Output.from_input(run()), preview=True, cloud=cloud)


def test_creating_an_existing_oidc_provider_is_rejected():
    """The preview fails with the fix before the engine creates a provider that the account has."""
    with pytest.raises(InvalidInputError, match="fix:  set adopt to True"):
        run_creation_hook(Cloud(getOpenIdConnectProvider=EXISTING))
    run_creation_hook(Cloud(getOpenIdConnectProvider=PluginError("couldn't find resource")))


def test_oidc_provider_of_an_issuer_is_declared_once_in_an_account():
    """A second one in the same account is rejected with the name of the first; in another account it is accepted."""

    def program(*, options=None):
        eks.OidcProvider("one", {"issuer": ISSUER})
        eks.OidcProvider("two", {"issuer": f"{ISSUER}/".removeprefix("https://")}, options and options())

    with pytest.raises(InvalidInputError, match=r"remove it, and use that of OidcProvider"):
        deploy(program, preview=True)
    deployment = deploy(lambda: program(options=lambda: pulumi.ResourceOptions(provider=aws.Provider("other"))))
    assert len(deployment.of(PROVIDER)) == 2


def test_invalid_issuer_is_rejected():
    """An issuer with http and an empty audience are rejected."""
    with pytest.raises(InvalidInputError, match="2 problems"):
        deploy(lambda: OidcProvider("irsa", {"issuer": "http://x", "audiences": [""]}))
