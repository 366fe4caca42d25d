"""AWS credentials of pods: node role, IRSA and Pod Identity."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from support.javascript_sdk import NODES, install_packages

CALLER_PROGRAM = """
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn);
"""
SHOW_CALLER_ARN = "aws sts get-caller-identity --query Arn --output text"
TIMEOUT_SECONDS = 60


def trust(principal, *actions, **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions, **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def eks_cluster(cloud, runtime, aws):
    """A cluster created with the EKS API, with one managed node."""
    cloud.attach(runtime)
    iam, eks, ec2 = (aws.client(service) for service in ("iam", "eks", "ec2"))
    roles = {}
    for name, service in (("cluster", "eks.amazonaws.com"), ("node", "ec2.amazonaws.com")):
        document = trust({"Service": service}, "sts:AssumeRole")
        roles[name] = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="node", PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    eks.create_cluster(name="pods", roleArn=roles["cluster"], resourcesVpcConfig={"subnetIds": subnets})
    poll = {"Delay": 0.1, "MaxAttempts": 900}
    eks.get_waiter("cluster_active").wait(name="pods", WaiterConfig=poll)
    eks.create_nodegroup(clusterName="pods", nodegroupName="nodes", nodeRole=roles["node"], subnets=subnets)
    eks.get_waiter("nodegroup_active").wait(clusterName="pods", nodegroupName="nodes", WaiterConfig=poll)
    return eks


class Workloads:
    """kubectl for the cluster, and pods that print their AWS identity."""

    def __init__(self, aws, eks, kubectl):
        self.aws = aws
        self.eks = eks
        self.kubectl = kubectl

    def role(self, name, principal, *actions, **condition):
        role = self.aws.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=trust(principal, *actions, **condition)
        )
        return role["Role"]["Arn"]

    def service_account(self, name, **annotations):
        metadata = {"name": name, "namespace": "default", "annotations": annotations}
        self._apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    def caller_identity(self, name, service_account="default"):
        """Return the output of `aws sts get-caller-identity` in a new pod of the service account."""
        # The pod succeeds even if the AWS call fails, so that its log can be read.
        self.run(name, service_account, f"{SHOW_CALLER_ARN} || true")
        return self.output(name)

    def run(self, name, service_account, script, **volume):
        """Create a pod of the service account that runs `script`, with a volume at /data if there is one."""
        container = {"name": "main", "image": "amazon/aws-cli", "command": ["sh", "-c", script]}
        spec = {"serviceAccountName": service_account, "restartPolicy": "Never", "containers": [container]}
        if volume:
            container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
            spec["volumes"] = [{"name": "data", **volume}]
        self._apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
        )

    def output(self, name):
        """Return the log of a pod that succeeds."""
        self.kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", f"--timeout={TIMEOUT_SECONDS}s")
        return self.kubectl("logs", name)

    def _apply(self, document):
        self.kubectl("apply", "-f", "-", stdin=json.dumps(document))


@pytest.fixture(scope="module")
def workloads(aws, eks_cluster, programs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kubectl")
    document = eks_cluster.describe_cluster(name="pods")["cluster"]
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        **aws.cloud.access.environment(),
        **{name.upper(): value for name, value in aws.credentials.items()},
    }

    def run(*command, stdin=None):
        completed = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment)
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    run("aws", "eks", "update-kubeconfig", "--name", "pods")
    workloads = Workloads(aws, eks_cluster, partial(run, programs.kubectl))
    workloads.issuer = document["identity"]["oidc"]["issuer"].removeprefix("https://")
    return workloads


def test_pod_without_identity_has_the_node_role(workloads):
    """A pod without IRSA and Pod Identity assumes its node's role."""
    identity = workloads.caller_identity("bare")
    assert ":assumed-role/node/i-" in identity


@pytest.fixture(scope="module")
def reader(workloads, aws):
    """The service account `reader` with an IRSA role, which can list buckets."""
    iam = aws.client("iam")
    provider = iam.create_open_id_connect_provider(
        Url=f"https://{workloads.issuer}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    conditions = {
        f"{workloads.issuer}:sub": "system:serviceaccount:default:reader",
        f"{workloads.issuer}:aud": "sts.amazonaws.com",
    }
    role = workloads.role(
        "irsa", {"Federated": provider}, "sts:AssumeRoleWithWebIdentity", Condition={"StringEquals": conditions}
    )
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="irsa", PolicyName="s3", PolicyDocument=json.dumps(document))
    workloads.service_account("reader", **{"eks.amazonaws.com/role-arn": role})
    return "reader"


def test_irsa_pod_assumes_the_annotated_role(workloads, reader):
    """A pod of an annotated service account assumes the role that trusts it."""
    assert ":assumed-role/irsa/" in workloads.caller_identity("reads", reader)


def test_aws_cli_in_a_confined_pod(workloads, aws, reader):
    """`aws s3` lists, writes and reads objects, with files of the container."""
    aws.client("s3").create_bucket(
        Bucket="confined", CreateBucketConfiguration={"LocationConstraint": aws.cloud.region}
    )
    script = "echo text > file && aws s3 cp --quiet file s3://confined && aws s3 ls && aws s3 cp s3://confined/file -"
    workloads.run("lists", reader, script)
    output = workloads.output("lists")
    assert " confined\n" in output
    assert output.endswith("\ntext\n")


@pytest.mark.parametrize("node", [name for name, node in NODES.items() if node])
def test_javascript_sdk_in_a_confined_pod(workloads, aws, runtime, reader, node, tmp_path):
    """The AWS SDK for JavaScript reads the pod's token and the proxy's settings, and assumes the role."""
    install_packages(tmp_path, "@aws-sdk/client-sts@3.1177.0")
    (tmp_path / "program.mjs").write_text(CALLER_PROGRAM)
    name = f"node-{node}"
    wait = "until [ -e /data/package/program.mjs ]; do sleep 0.1; done"
    workloads.run(name, reader, f"{wait}; exec {NODES[node]} /data/package/program.mjs", emptyDir={})
    workloads.kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Running", f"--timeout={TIMEOUT_SECONDS}s")
    uid = workloads.kubectl("get", "pod", name, "-o", "jsonpath={.metadata.uid}")
    (volume,) = runtime._folder.glob(f"*/nodes/*/pods/{uid}/volumes/data")
    shutil.copytree(tmp_path, volume / "copy", symlinks=True)
    (volume / "copy").rename(volume / "package")
    assert ":assumed-role/irsa/" in workloads.output(name)


def test_pod_identity_needs_the_agent_addon(workloads):
    """A pod of an associated service account assumes the role only if the agent is installed."""
    role = workloads.role("associated", {"Service": "pods.eks.amazonaws.com"}, "sts:AssumeRole", "sts:TagSession")
    workloads.service_account("associate")
    workloads.eks.create_pod_identity_association(
        clusterName="pods", namespace="default", serviceAccount="associate", roleArn=role
    )
    log_without_agent = workloads.caller_identity("too-early", "associate")
    assert "the cluster has no add-on eks-pod-identity-agent" in log_without_agent
    workloads.eks.create_addon(clusterName="pods", addonName="eks-pod-identity-agent")
    workloads.eks.get_waiter("addon_active").wait(
        clusterName="pods", addonName="eks-pod-identity-agent", WaiterConfig={"Delay": 0.1, "MaxAttempts": 900}
    )
    assert ":assumed-role/associated/" in workloads.caller_identity("associated", "associate")
