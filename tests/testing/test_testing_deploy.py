"""`deploy` runs an unchanged program in the test's process."""

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
CONFIG = {"shop:cluster": "eks-clu", "shop:principal": OPERATOR}


def test_deploy_runs_the_file_of_a_program_with_its_config():
    """The first example runs unchanged: its operator has read access only."""
    program = REPOSITORY / "examples/01-read-only-user/__main__.py"
    deployment = deploy(program, config=CONFIG, project="shop")
    deployment.assert_can(OPERATOR, "list", "pods")
    deployment.assert_cannot(OPERATOR, "delete", "pods", "default")


def test_deploy_raises_validation_errors():
    """`deploy` raises the validation error that a preview shows."""
    program = REPOSITORY / "examples/01-read-only-user/__main__.py"
    with pytest.raises(InvalidInputError, match="rule: "):
        deploy(program, config={**CONFIG, "shop:principal": "eks-ope"}, project="shop", preview=True)
    with pytest.raises(InvalidInputError, match="must not use access entries with authentication mode CONFIG_MAP"):
        deploy(program, config=CONFIG, project="shop", cloud=Cloud(authentication_modes={"eks-clu": "CONFIG_MAP"}))


def test_new_cluster_has_outputs():
    """A cluster of pulumi_eks has an issuer and a mode, and is in the region's partition."""

    def program():
        return eks.Cluster("new", {"create": {"skip_default_node_group": True}}).connection

    connection = deploy(program, cloud=Cloud(region="us-gov-west-1")).value
    assert connection["partition"] == "aws-us-gov"
    assert connection["issuer"].startswith("https://oidc.eks.us-gov-west-1.amazonaws.com/id/")
    assert connection["authentication_mode"] == "API"


def test_deployments_share_no_event_loop():
    """Each deployment closes its loop. Unfinished tasks of a failed program do not run in the next one."""

    def invalid():
        eks.OidcProvider("p", {"issuer": pulumi.Output.from_input("")})

    for _ in range(3):
        with pytest.raises(InvalidInputError):
            deploy(invalid)
        assert deploy(lambda: pulumi.Output.from_input("fine")).value == "fine"
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_provider_function_without_a_mocked_result_fails_with_a_fix():
    """The error of a provider function without a result in the cloud says how to mock it."""

    def program():
        return pulumi.runtime.invoke("aws:ec2/getVpc:getVpc", {}).value

    with pytest.raises(Exception, match=r"fix: pass Cloud\(getVpc="):
        deploy(program)
    assert deploy(program, cloud=Cloud(getVpc={"id": "vpc-1"})).value == {"id": "vpc-1"}
    with pytest.raises(Exception, match="denied"):
        deploy(program, cloud=Cloud(getVpc=PluginError("denied")))


def test_methods_in_the_module_docstring_exist():
    """The methods in the docstring of `eks_identity.testing` exist."""
    methods = set(re.findall(r"deployment\.(\w+)\(", testing.__doc__))
    assert methods == {"assert_can", "assert_cannot", "assert_pod_can"}
    assert methods <= set(dir(testing.Deployment))
