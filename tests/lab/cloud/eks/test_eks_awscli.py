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
