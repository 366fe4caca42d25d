"""Imports of a stack program: only the SDK modules of its resources are loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    *("pulumi_eks", "pulumi_aws.ec2._inputs", "pulumi_aws.iam._inputs", "pulumi_kubernetes.core.v1._inputs"),
    *("boto3", "botocore", "lightkube", "httpx2"),
)
"""Modules that are slow to import. SDK modules are lazy and always in `sys.modules`; their `_inputs` only when used."""
COMPOSE = "import stacks.compose"
SETTINGS = """
from stacks.settings import parse
access = {"cluster": "eks-clu", "principals": [{"user": "eks-ope"}], "group": "ops", "rbac_roles": [{"name": "view"}]}
settings = {"account": "123456789012", "clusters": {"eks-clu": {}}, "access": {"ops": access}}
parse(settings, project="eks-identity", stack="dev")
"""
ACCESS = """
import pulumi
import pulumi_kubernetes as k8s
from eks_identity import Cluster, ClusterAccess
from eks_identity.testing import deploy

RULES = [{"resources": ["pods"], "verbs": ["list"]}]

def program():
    cluster = Cluster("main", {"name": "eks-clu"})
    options = pulumi.ResourceOptions(providers=[cluster.provider])
    for access_method in ("access-entry", "aws-auth"):
        principals = [{"arn": f"arn:aws:iam::123456789012:user/{access_method}"}]
        roles = [{"name": access_method, "rules": RULES}]
        args = {
            "cluster": cluster.connection, "access_method": access_method, "group": access_method,
            "rbac_roles": roles, "principals": principals,
        }
        ClusterAccess(access_method, args, options)

deploy(program)
"""


@pytest.mark.parametrize("program", [COMPOSE, COMPOSE + SETTINGS + ACCESS], ids=["import", "declare"])
def test_imports_of_a_program_without_new_clusters_and_pods_exclude_heavy_modules(program):
    """Existing clusters, RBAC roles and mappings load no pulumi_eks, EC2, core/v1, boto3 or lightkube."""
    script = f"import json, sys\n{program}\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    paths = os.pathsep.join((str(ROOT), str(ROOT / "components")))
    command = [sys.executable, "-W", "ignore", "-c", script]
    environment = {**os.environ, "PYTHONPATH": paths}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == []
