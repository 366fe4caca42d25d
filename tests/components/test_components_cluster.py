import json

import pulumi
import pulumi_aws as aws
import pulumi_eks
import pytest
from pulumi_program import ACCOUNT, ISSUER, Cloud, PluginError, cluster_facts, deploy, provider_arn

import eks_identity as eks
from eks_identity.clusters.new_cluster import keep_aws_auth_data
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.workloads.oidc_provider import OidcProvider

PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
EKS = "eks:index:Cluster"
OUTPUTS = {"name", "arn", "endpoint", "certificate_authority", "issuer", "region", "account_id", "partition"}


def looked_up(**args):
    return lambda: eks.Cluster("clu", {"name": "eks-clu", **args}).connection


def test_a_cluster_that_is_there_is_looked_up_by_name():
    """What others need of it comes from DescribeCluster; the kubeconfig names region and v1beta1, no profile."""
    deployment = deploy(looked_up(role_arn=f"arn:aws:iam::{ACCOUNT}:role/team/admin"))
    found = deployment.value
    assert set(found) >= OUTPUTS
    assert (found["issuer"], found["account_id"], found["partition"]) == (ISSUER, ACCOUNT, "aws")
    assert found["authentication_mode"] == "API_AND_CONFIG_MAP"
    (user,) = json.loads(found["kubeconfig"])["users"]
    command = user["user"]["exec"]
    assert command["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    assert command["interactiveMode"] == "Never"
    assert command["args"][:6] == ["--region", "ap-northeast-1", "eks", "get-token", "--cluster-name", "eks-clu"]
    assert command["args"][-2:] == ["--role-arn", f"arn:aws:iam::{ACCOUNT}:role/team/admin"]
    assert "env" not in command
    provider = deployment.one("pulumi:providers:kubernetes").inputs
    assert provider["kubeconfig"] == found["kubeconfig"]
    assert (provider["enableServerSideApply"], provider["enableConfigMapMutable"]) == ("true", "true")


def test_a_profile_is_in_the_kubeconfig_only_when_asked_for():
    """AWS_PROFILE is baked in by name, and else not at all."""
    (user,) = json.loads(deploy(looked_up(profile="admin")).value["kubeconfig"])["users"]
    assert user["user"]["exec"]["env"] == [{"name": "AWS_PROFILE", "value": "admin"}]


def test_a_cluster_from_before_access_entries_reads_the_config_map():
    """Where DescribeCluster has no access config, the mode is CONFIG_MAP."""
    cloud = Cloud(getCluster={**cluster_facts(), "accessConfigs": []})
    assert deploy(looked_up(), cloud=cloud).value["authentication_mode"] == "CONFIG_MAP"


@pytest.mark.parametrize("mode", [None, "CONFIG_MAP", pulumi_eks.AuthenticationMode.API_AND_CONFIG_MAP])
def test_a_new_cluster_goes_through_pulumi_eks(mode):
    """Options keep their own names; the mode is API unless chosen, and the OIDC provider is not theirs."""
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


def test_only_the_data_of_aws_auth_is_left_alone():
    """The ConfigMap is made once, its data ignored from then on; everything else stays pulumi_eks's."""
    kept = transformed("kubernetes:core/v1:ConfigMap", {"metadata": {"name": "aws-auth"}, "data": {}})
    assert kept.opts.ignore_changes == ["data"]
    assert kept.opts.protect is True
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
def test_a_wrong_input_is_refused_before_anything_is_registered(args, field):
    """Each refusal names component, input, rule, value and fix."""
    with pytest.raises(InvalidInputError) as refusal:
        deploy(lambda: eks.Cluster("clu", args), preview=True)
    (problem,) = refusal.value.problems
    assert problem.input == field
    assert problem.fix


def provider(**args):
    return lambda: eks.OidcProvider("irsa", {"issuer": ISSUER, **args}).arn


def test_a_provider_is_made_without_a_thumbprint():
    """URL with https, the audience that pods ask for, and no thumbprint; the look-up runs in the engine, not here."""
    deployment = deploy(provider(tags={"team": "shop"}))
    assert deployment.one(PROVIDER).inputs == {
        "url": ISSUER,
        "clientIdLists": ["sts.amazonaws.com"],
        "tags": {"team": "shop"},
    }
    assert deployment.value == provider_arn()
    assert deployment.one(PROVIDER).request.hooks.before_create == ["irsa-oidc-provider-is-new"]
    assert deployment.cloud.calls == []


FOUND = {"arn": provider_arn(), "url": ISSUER, "clientIdLists": ["sts.amazonaws.com"], "id": provider_arn()}


def test_an_adopted_provider_is_looked_up_and_nothing_else():
    """Adopting registers no provider, so that destroying leaves it."""
    deployment = deploy(provider(adopt=True), preview=True, cloud=Cloud(getOpenIdConnectProvider=FOUND))
    assert deployment.value == provider_arn()
    assert [type_ for type_, _ in deployment.names] == ["eks-identity:index:OidcProvider"]
    assert deployment.cloud.calls[0].args == {"url": ISSUER}


def test_adopting_what_is_not_there_is_refused():
    """There is no provider for the issuer: the preview says so."""
    absent = Cloud(getOpenIdConnectProvider=PluginError("no matching IAM OIDC Provider found"))
    with pytest.raises(InvalidInputError, match="fix:  set adopt to False"):
        deploy(provider(adopt=True), preview=True, cloud=absent)


def test_adopting_one_that_does_not_trust_the_audience_is_refused():
    """The preview has the command that adds the audience."""
    cloud = Cloud(getOpenIdConnectProvider={**FOUND, "clientIdLists": ["other"]})
    with pytest.raises(InvalidInputError, match="add-client-id-to-open-id-connect-provider"):
        deploy(provider(adopt=True), preview=True, cloud=cloud)


def hook_of(cloud):
    """Runs the hook that the engine would run before it makes the provider."""

    async def run():
        component = eks.OidcProvider("irsa", {"issuer": ISSUER})
        (hook,) = component._reject_existing("irsa", 'OidcProvider "irsa"').before_create
        urn = (await component.urn.future()).replace("::irsa", f"${PROVIDER}::irsa")
        await hook.callback(pulumi.ResourceHookArgs(urn, "", "irsa", PROVIDER, new_inputs={"url": ISSUER}))

    return deploy(lambda: pulumi.Output.from_input(run()), preview=True, cloud=cloud)


def test_making_a_second_provider_is_refused():
    """Where the engine is about to make one that the account has, the preview fails with the fix."""
    with pytest.raises(InvalidInputError, match="fix:  set adopt to True"):
        hook_of(Cloud(getOpenIdConnectProvider=FOUND))
    hook_of(Cloud(getOpenIdConnectProvider=PluginError("couldn't find resource")))


def test_one_program_makes_an_issuers_provider_once():
    """A second one for the same account is refused, with the place of the first; in another account it is another."""

    def program(*, elsewhere=None):
        eks.OidcProvider("one", {"issuer": ISSUER})
        eks.OidcProvider("two", {"issuer": f"{ISSUER}/".removeprefix("https://")}, elsewhere and elsewhere())

    with pytest.raises(InvalidInputError, match=r"remove it, and use that of OidcProvider"):
        deploy(program, preview=True)
    there = deploy(lambda: program(elsewhere=lambda: pulumi.ResourceOptions(provider=aws.Provider("there"))))
    assert len(there.of(PROVIDER)) == 2


def test_a_wrong_issuer_is_refused():
    """Plain http is no issuer, and an empty audience is none."""
    with pytest.raises(InvalidInputError, match="2 problems"):
        deploy(lambda: OidcProvider("irsa", {"issuer": "http://x", "audiences": [""]}))
