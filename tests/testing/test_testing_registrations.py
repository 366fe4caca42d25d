"""`python -m eks_identity.testing.registrations` prints what a program registers, or the component that rejects it."""

import json
import subprocess
import sys

PROGRAM = """
import pulumi
from eks_identity import Cluster, OidcProvider
cluster = Cluster("c", {{"name": "{name}"}})
OidcProvider("p", {{"issuer": cluster.issuer}})
pulumi.Config("adopted").require("key")
"""
CLUSTER = {
    "id": "eks-clu",
    "name": "eks-clu",
    "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/eks-clu",
    "endpoint": "https://example.com",
    "certificateAuthorities": [{"data": "QQ=="}],
    "identities": [{"oidcs": [{"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/A"}]}],
}


def registered(tmp_path, name="eks-clu"):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(name=name))
    request = {
        "program": str(program),
        "project": "adopted",
        "stack": "dev",
        "config": {"adopted:key": "x"},
        "account": "111122223333",
        "region": "eu-west-1",
        "cluster": CLUSTER,
        "oidc_provider": None,
    }
    command = [sys.executable, "-m", "eks_identity.testing.registrations"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_registrations_have_names_parents_providers_and_inputs(tmp_path):
    cluster, component, kubernetes, provider = registered(tmp_path)["resources"]
    assert (cluster["type"], cluster["name"], cluster["custom"]) == ("eks-identity:index:Cluster", "c", False)
    assert kubernetes["parent"] == cluster["urn"]
    assert kubernetes["top_level_alias"] == "imported-c"
    assert json.loads(kubernetes["inputs"]["kubeconfig"])["clusters"][0]["cluster"]["server"] == "https://example.com"
    assert (provider["type"], provider["parent"]) == (
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        component["urn"],
    )
    assert provider["inputs"]["url"] == "https://oidc.eks.eu-west-1.amazonaws.com/id/A"
    assert provider["version"]


def test_rejected_inputs_name_the_component(tmp_path):
    answer = registered(tmp_path, name="not a name")
    assert answer["subject"] == 'Cluster "c"'
    assert [each["input"] for each in answer["problems"]] == ["name"]
