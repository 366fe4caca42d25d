"""All policy templates in one stack: IAM accepts each policy, and allows and denies calls as the template states."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from eks_identity.model import policy_templates
from lab.principals import client
from lab.scenarios.clients import LabClients
from support.lab_project import REGION
from support.policy_template_cases import DOES, LBC, NEVER
from support.policy_template_names import HERE, all_args, required_args
from support.workload_program import ACCOUNT, Pods, Stack

CLUSTER = "irsa"
SUBJECT = {"namespace": "default", "name": "add-ons"}
STREAM = {"logStreamName": "a"}
TARGETS = {"Targets": [{"Id": "10.0.0.9", "Port": 80}]}
PROGRAM = """
cluster = eks.Cluster("clu", {"name": config["cluster"]})
provider = eks.OidcProvider("clu", {"issuer": cluster.issuer})
for index, entry in enumerate(config["entries"]):
    role = eks.IrsaRole(f"entry-{index}", {
        "oidc_provider_arns": [provider.arn], "subjects": [config["subject"]], "path": "/catalogue/",
        "policy_templates": [entry],
    })
    pulumi.export(str(index), role.arn)
"""


@dataclass(frozen=True)
class Call:
    """One operation, with its arguments for a resource that the template lists and for another one."""

    entry: dict[str, Any]
    service: str
    operation: str
    mine: dict[str, Any]
    other: dict[str, Any]


def zone(of):
    return {"HostedZoneId": of}


CALLS = [
    Call(required_args("external-dns"), "route53", "list_resource_record_sets", zone("Z0MINE"), zone("Z0OTHER")),
    Call(required_args("cert-manager"), "route53", "list_resource_record_sets", zone("Z0MINE"), zone("Z0OTHER")),
    Call(
        required_args("external-secrets"),
        "secretsmanager",
        "get_secret_value",
        {"SecretId": "S0MINE"},
        {"SecretId": "S0OTHER"},
    ),
    Call(
        required_args("external-secrets"), "ssm", "get_parameter", {"Name": "/team/mine/db"}, {"Name": "/team/other/db"}
    ),
    Call(
        required_args("aws-mountpoint-s3-csi-driver"), "s3", "list_objects_v2", {"Bucket": "mine"}, {"Bucket": "others"}
    ),
    Call(required_args("velero"), "s3", "list_objects_v2", {"Bucket": "mine"}, {"Bucket": "others"}),
    Call(
        required_args("aws-node-termination-handler"),
        "sqs",
        "receive_message",
        {"QueueUrl": "Q0MINE"},
        {"QueueUrl": "Q0OTHER"},
    ),
    Call(required_args("karpenter"), "eks", "describe_cluster", {"name": "mine"}, {"name": "eks-clu"}),
    Call(all_args("karpenter"), "sqs", "receive_message", {"QueueUrl": "Q0MINE"}, {"QueueUrl": "Q0OTHER"}),
    Call(
        required_args("cluster-autoscaler"),
        "eks",
        "describe_nodegroup",
        {"clusterName": "mine", "nodegroupName": "nodes"},
        {"clusterName": "eks-clu", "nodegroupName": "nodes"},
    ),
    Call(
        required_args("aws-efs-csi-driver"),
        "efs",
        "describe_mount_targets",
        {"FileSystemId": "fs-0a1"},
        {"FileSystemId": "fs-0b2"},
    ),
    Call(
        required_args(f"{LBC}-target-group-binding-only"),
        "elbv2",
        "register_targets",
        {"TargetGroupArn": "T0MINE", **TARGETS},
        {"TargetGroupArn": "T0OTHER", **TARGETS},
    ),
    Call(
        required_args("amazon-cloudwatch-observability"),
        "logs",
        "create_log_stream",
        {"logGroupName": "/aws/containerinsights/mine/application", **STREAM},
        {"logGroupName": "/aws/containerinsights/other/application", **STREAM},
    ),
]
"""Calls of services that the lab simulates with resource-level permissions."""


@dataclass(frozen=True)
class Names:
    """Names in the test cases, and the names of their resources in the lab."""

    replacements: dict[str, str]

    def replace(self, value: Any) -> Any:
        """Return `value` with the names of the lab's resources."""
        text = json.dumps(value)
        for name, lab_name in self.replacements.items():
            text = text.replace(name, lab_name)
        return json.loads(text)


@pytest.fixture(scope="module")
def clients(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="module")
def iam(running_lab):
    return client(running_lab, "iam")


@pytest.fixture(scope="module")
def names(running_lab, request):
    """Two resources of each kind, one for the templates to list, and their names in the test cases."""

    def api(service):
        return client(running_lab, service)

    def undo(operation, **arguments):
        request.addfinalizer(lambda: operation(**arguments))

    resources = {}
    for word, name in {"MINE": CLUSTER, "OTHER": "others"}.items():
        dns, secrets, queues, files, logs = map(api, ("route53", "secretsmanager", "sqs", "efs", "logs"))
        hosted = dns.create_hosted_zone(Name=f"{name}.test", CallerReference=name)["HostedZone"]["Id"]
        undo(dns.delete_hosted_zone, Id=hosted)
        secret = secrets.create_secret(Name=f"team/{name}", SecretString=name)["ARN"]
        undo(secrets.delete_secret, SecretId=secret, ForceDeleteWithoutRecovery=True)
        path = f"/team/{CLUSTER if word == 'MINE' else 'other'}/db"
        api("ssm").put_parameter(Name=path, Value=name, Type="String")
        undo(api("ssm").delete_parameter, Name=path)
        api("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        undo(api("s3").delete_bucket, Bucket=name)
        queue = queues.create_queue(QueueName=name)["QueueUrl"]
        undo(queues.delete_queue, QueueUrl=queue)
        system = files.create_file_system(CreationToken=name)["FileSystemId"]
        undo(files.delete_file_system, FileSystemId=system)
        group = f"/aws/containerinsights/{CLUSTER if word == 'MINE' else 'other'}/application"
        logs.create_log_group(logGroupName=group)
        undo(logs.delete_log_group, logGroupName=group)
        network = api("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        targets = api("elbv2").create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=network, TargetType="ip")[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        undo(api("elbv2").delete_target_group, TargetGroupArn=targets)
        short = hosted.rpartition("/")[2]
        resources |= {f"Z0{word}": short, f"S0{word}": secret, f"Q0{word}": queue, f"T0{word}": targets}
        resources |= {"fs-0a1" if word == "MINE" else "fs-0b2": system}
    mine = resources["T0MINE"].rpartition(":")[2]
    return Names(
        {
            HERE: f"{REGION}:{ACCOUNT}",
            HERE.partition(":")[2]: ACCOUNT,
            HERE.partition(":")[0]: REGION,
            "targetgroup/mine/0a1b": mine,
            **resources,
            "mine": CLUSTER,
        }
    )


@pytest.fixture(scope="module")
def pods(clients):
    """The cluster, with the service account that can assume all roles."""
    pods = Pods(clients, CLUSTER)
    pods.kubectl("create", "serviceaccount", SUBJECT["name"])
    yield pods
    pods.kubectl("delete", "serviceaccount", SUBJECT["name"])


@pytest.fixture(scope="module")
def entries(names):
    """The distinct templates of all test cases."""
    templates = [*(case[0] for case in [*DOES, *NEVER]), *(call.entry for call in CALLS)]
    return list({json.dumps(template, sort_keys=True): template for template in map(names.replace, templates)}.values())


@pytest.fixture(scope="module")
def roles(entries, iam, running_lab, tools, tmp_path_factory):
    """The ARN of each template's role, deployed by one stack, which deletes all of them at the end."""
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    arns = stack.up({"cluster": CLUSTER, "subject": SUBJECT, "entries": entries})
    yield {json.dumps(entry, sort_keys=True): arns[str(index)] for index, entry in enumerate(entries)}
    stack.stack.destroy()
    assert iam.list_roles(PathPrefix="/catalogue/")["Roles"] == []


@pytest.fixture(scope="module")
def role_of(roles, names):
    return lambda entry: roles[json.dumps(names.replace(entry), sort_keys=True)]


@pytest.fixture(scope="module")
def session_of(pods, running_lab):
    """Return a function that creates boto3 clients of a role, with a token of the service account."""
    token = pods.token(SUBJECT["name"])
    state = running_lab.require_running()
    config = Config(proxies={"https": state.proxy_url}, ignore_configured_endpoint_urls=True)

    def make(role, service):
        keys = client(running_lab, "sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="add-on", WebIdentityToken=token
        )["Credentials"]
        return boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION
        ).client(service, verify=state.ca_file, config=config)

    return make


def simulate(iam, role, action, resource, context=None):
    """Return the decision of IAM's policy simulator for the deployed role."""
    keys = [
        {
            "ContextKeyName": key,
            "ContextKeyValues": [value] if isinstance(value, str) else value,
            "ContextKeyType": "string" if isinstance(value, str) else "stringList",
        }
        for key, value in (context or {}).items()
    ]
    (result,) = iam.simulate_principal_policy(
        PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource], ContextEntries=keys
    )["EvaluationResults"]
    return result["EvalDecision"]


def test_iam_accepts_every_policy_template(roles, iam):
    """Each template is one inline policy with the template's name, within the quota of a role's inline policies."""
    policies = set()
    for key, arn in roles.items():
        role = arn.rpartition("/")[2]
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        assert name == json.loads(key)["name"]
        assert len(json.dumps(document, separators=(",", ":"))) <= 10_240
        policies.add(name)
    assert policies == set(policy_templates.POLICY_TEMPLATES)


@pytest.mark.parametrize("index", range(len(DOES)), ids=lambda index: f"{DOES[index][0]['name']} {DOES[index][1]}")
def test_iam_simulator_allows_the_listed_resources_only(index, role_of, names, iam):
    """The action is allowed on the listed resource with the add-on's context, and denied on another or without it."""
    _, action, resource, context, other, other_context = names.replace(DOES[index])
    role = role_of(DOES[index][0])
    assert simulate(iam, role, action, resource, context) == "allowed"
    assert simulate(iam, role, action, other, other_context) == "implicitDeny"


def test_iam_simulator_denies_actions_outside_the_template(role_of, names, iam):
    """Actions that the add-on does not need are denied."""
    for entry, action, resource in NEVER:
        assert simulate(iam, role_of(entry), action, names.replace(resource)) == "implicitDeny", action


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.entry['name']} {call.operation}")
def test_session_can_access_the_listed_resources_only(call, role_of, names, session_of):
    """With a service account token the operation succeeds on the listed resource, and is denied on another one."""
    api = session_of(role_of(call.entry), call.service)
    getattr(api, call.operation)(**names.replace(call.mine))
    with pytest.raises(ClientError) as denied:
        getattr(api, call.operation)(**names.replace(call.other))
    assert denied.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
