"""A program runs in the test's own process, as it is."""

import asyncio
import re
from pathlib import Path

import pulumi
import pytest

import eks_identity as eks
from eks_identity import testing
from eks_identity.testing import Cloud, InvalidInputError, PluginError, deploy

REPOSITORY = Path(__file__).resolve().parents[2]
OPERATOR = "arn:aws:iam::111122223333:user/eks-ope"
CONFIG = {"shop:cluster": "eks-clu", "shop:person": OPERATOR}


def test_a_programs_file_is_run_with_its_settings():
    """The first example, unchanged: its operator may look and do nothing else."""
    program = REPOSITORY / "examples/01-read-only-user/__main__.py"
    deployment = deploy(program, config=CONFIG, project="shop")
    deployment.assert_can(OPERATOR, "list", "pods")
    deployment.assert_cannot(OPERATOR, "delete", "pods", "default")


def test_what_pulumi_would_refuse_is_raised():
    """A wrong input comes out of `deploy` as the refusal that a preview shows."""
    program = REPOSITORY / "examples/01-read-only-user/__main__.py"
    with pytest.raises(InvalidInputError, match="rule: "):
        deploy(program, config={**CONFIG, "shop:person": "eks-ope"}, project="shop", preview=True)
    with pytest.raises(InvalidInputError, match="must not use access entries with authentication mode CONFIG_MAP"):
        deploy(program, config=CONFIG, project="shop", cloud=Cloud(authentication_modes={"eks-clu": "CONFIG_MAP"}))


def test_a_cluster_that_the_program_makes_has_its_outputs():
    """pulumi_eks's cluster has a name, an issuer and a mode, and is in the region's partition."""

    def program():
        return eks.Cluster("new", {"create": {"skip_default_node_group": True}}).connection

    made = deploy(program, cloud=Cloud(region="us-gov-west-1")).value
    assert made["partition"] == "aws-us-gov"
    assert made["issuer"].startswith("https://oidc.eks.us-gov-west-1.amazonaws.com/id/")
    assert made["authentication_mode"] == "API"


def test_deployments_do_not_know_of_each_other():
    """Each has its own loop, and leaves none; what a refused one left unfinished does not reach the next."""

    def refused():
        eks.OidcProvider("p", {"issuer": pulumi.Output.from_input("")})

    for _ in range(3):
        with pytest.raises(InvalidInputError):
            deploy(refused)
        assert deploy(lambda: pulumi.Output.from_input("fine")).value == "fine"
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_a_function_without_an_answer_is_named():
    """A call of a plugin that the cloud does not know says how to answer it."""

    def program():
        return pulumi.runtime.invoke("aws:ec2/getVpc:getVpc", {}).value

    with pytest.raises(Exception, match=r"fix: pass Cloud\(getVpc="):
        deploy(program)
    assert deploy(program, cloud=Cloud(getVpc={"id": "vpc-1"})).value == {"id": "vpc-1"}
    with pytest.raises(Exception, match="denied"):
        deploy(program, cloud=Cloud(getVpc=PluginError("denied")))


def test_the_readmes_words_are_there():
    """What the module's own description uses, the module has."""
    used = set(re.findall(r"deployment\.(\w+)\(", testing.__doc__))
    assert used == {"assert_can", "assert_cannot", "assert_pod_can"}
    assert used <= set(dir(testing.Deployment))
