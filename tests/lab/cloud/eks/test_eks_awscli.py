"""The unmodified AWS CLI with the lab's EKS, without an endpoint setting."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import yaml

from lab.interfaces import clean_environment
from support.eks_constants import ACCOUNT, REGION


def test_update_kubeconfig(lab, make_cluster, tmp_path):
    """`aws eks update-kubeconfig` writes a kubeconfig with the control plane's endpoint and certificate."""
    name = make_cluster()
    keys = lab.administrator
    kubeconfig = tmp_path / "kubeconfig"
    aws = Path(sys.executable).with_name("aws")
    subprocess.run(
        [aws, "eks", "update-kubeconfig", "--name", name, "--kubeconfig", kubeconfig],
        env={
            **clean_environment(os.environ),
            **lab.access.environment(),
            "HOME": str(tmp_path),
            "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
        },
        check=True,
        capture_output=True,
    )
    config = yaml.safe_load(kubeconfig.read_text())
    (cluster,) = config["clusters"]
    plane = lab.plane(name)
    assert cluster["name"] == f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}"
    assert cluster["cluster"]["server"] == plane.endpoint
    certificate = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    assert certificate == plane.certificate_authority
    assert "get-token" in config["users"][0]["user"]["exec"]["args"]


def run_aws(lab, tmp_path, *arguments):
    """Run the AWS CLI as the administrator. Return its exit code, output and errors."""
    keys = lab.administrator
    process = subprocess.run(
        [Path(sys.executable).with_name("aws"), "eks", *arguments],
        env={
            **clean_environment(os.environ),
            **lab.access.environment(),
            "HOME": str(tmp_path),
            "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
            "AWS_MAX_ATTEMPTS": "1",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    return process.returncode, process.stdout, process.stderr


def test_client_request_token(lab, make_cluster, pod_role, tmp_path):
    """`--client-request-token` makes a repeated command return the same association."""
    name = make_cluster()
    command = ("create-pod-identity-association", "--cluster-name", name, "--namespace", "default")
    command += ("--service-account", "app", "--role-arn", pod_role, "--client-request-token", "token")
    results = [run_aws(lab, tmp_path, *command) for _ in range(2)]
    assert results[0] == results[1]
    assert results[0][0] == 0, results
    code, _, error = run_aws(lab, tmp_path, *command, "--tags", "team=ops")
    assert (code, "already used in a request with different parameters" in error) == (255, True), error


def test_invalid_input_and_foreign_arns(lab, make_cluster, pod_role, tmp_path):
    """The AWS CLI prints the errors of invalid names and of ARNs of other accounts and Regions."""
    name = make_cluster()
    command = ("create-pod-identity-association", "--cluster-name", name, "--role-arn", pod_role)
    _, _, error = run_aws(lab, tmp_path, *command, "--namespace", "A_B!", "--service-account", "app")
    assert "(InvalidParameterException)" in error
    assert "The namespace 'A_B!' is not valid" in error
    arns = {
        f"arn:aws:eks:{REGION}:222222222222:cluster/{name}": "(AccessDeniedException)",
        f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/{name}": "(NotFoundException)",
        "nonsense": "(BadRequestException)",
    }
    for arn, code in arns.items():
        assert code in run_aws(lab, tmp_path, "list-tags-for-resource", "--resource-arn", arn)[2]
