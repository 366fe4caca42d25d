"""Every entry of the catalogue in one stack: IAM takes each policy, and judges by it as it judges the add-ons."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from lab_project import REGION
from pods_program import ACCOUNT, Pods, Stack
from policy_template_cases import DOES, LBC, NEVER
from policy_template_setting import HERE, given, whole

from eks_identity.model import policy_templates
from lab.principals import client
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
SUBJECT = {"namespace": "default", "name": "add-ons"}
STREAM = {"logStreamName": "a"}
TARGETS = {"Targets": [{"Id": "10.0.0.9", "Port": 80}]}
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
provider = eks.OidcProvider("clu", {"issuer": cluster.issuer})
for index, entry in enumerate(said["entries"]):
    role = eks.IrsaRole(f"entry-{index}", {
        "oidc_provider_arns": [provider.arn], "subjects": [said["subject"]], "path": "/catalogue/",
        "policy_templates": [entry],
    })
    pulumi.export(str(index), role.arn)
"""


@dataclass(frozen=True)
class Call:
    """One operation, with what it is asked for on the resource that the entry names and on another one."""

    entry: dict[str, Any]
    service: str
    operation: str
    mine: dict[str, Any]
    other: dict[str, Any]


def zone(of):
    return {"HostedZoneId": of}


CALLS = [
    Call(given("external-dns"), "route53", "list_resource_record_sets", zone("Z0MINE"), zone("Z0OTHER")),
    Call(given("cert-manager"), "route53", "list_resource_record_sets", zone("Z0MINE"), zone("Z0OTHER")),
    Call(
        given("external-secrets"), "secretsmanager", "get_secret_value", {"SecretId": "S0MINE"}, {"SecretId": "S0OTHER"}
    ),
    Call(given("external-secrets"), "ssm", "get_parameter", {"Name": "/team/mine/db"}, {"Name": "/team/other/db"}),
    Call(given("aws-mountpoint-s3-csi-driver"), "s3", "list_objects_v2", {"Bucket": "mine"}, {"Bucket": "others"}),
    Call(given("velero"), "s3", "list_objects_v2", {"Bucket": "mine"}, {"Bucket": "others"}),
    Call(
        given("aws-node-termination-handler"),
        "sqs",
        "receive_message",
        {"QueueUrl": "Q0MINE"},
        {"QueueUrl": "Q0OTHER"},
    ),
    Call(given("karpenter"), "eks", "describe_cluster", {"name": "mine"}, {"name": "eks-clu"}),
    Call(whole("karpenter"), "sqs", "receive_message", {"QueueUrl": "Q0MINE"}, {"QueueUrl": "Q0OTHER"}),
    Call(
        given("cluster-autoscaler"),
        "eks",
        "describe_nodegroup",
        {"clusterName": "mine", "nodegroupName": "nodes"},
        {"clusterName": "eks-clu", "nodegroupName": "nodes"},
    ),
    Call(
        given("aws-efs-csi-driver"),
        "efs",
        "describe_mount_targets",
        {"FileSystemId": "fs-0a1"},
        {"FileSystemId": "fs-0b2"},
    ),
    Call(
        given(f"{LBC}-target-group-binding-only"),
        "elbv2",
        "register_targets",
        {"TargetGroupArn": "T0MINE", **TARGETS},
        {"TargetGroupArn": "T0OTHER", **TARGETS},
    ),
    Call(
        given("amazon-cloudwatch-observability"),
        "logs",
        "create_log_stream",
        {"logGroupName": "/aws/containerinsights/mine/application", **STREAM},
        {"logGroupName": "/aws/containerinsights/other/application", **STREAM},
    ),
]
"""Where the lab has the service and knows which resource a call is about."""


@dataclass(frozen=True)
class Words:
    """What is called so in the cases, and what it is called in the lab."""

    named: dict[str, str]

    def here(self, value: Any) -> Any:
        """`value` in the lab's words."""
        text = json.dumps(value)
        for there, own in self.named.items():
            text = text.replace(there, own)
        return json.loads(text)


@pytest.fixture(scope="module")
def world(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="module")
def iam(running_lab):
    return client(running_lab, "iam")


@pytest.fixture(scope="module")
def words(running_lab, request):
    """Two of each kind of resource, one for the entries to name, and what the cases are called with them."""

    def api(service):
        return client(running_lab, service)

    def undo(operation, **given_):
        request.addfinalizer(lambda: operation(**given_))

    found = {}
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
        found |= {f"Z0{word}": short, f"S0{word}": secret, f"Q0{word}": queue, f"T0{word}": targets}
        found |= {"fs-0a1" if word == "MINE" else "fs-0b2": system}
    mine = found["T0MINE"].rpartition(":")[2]
    return Words(
        {
            HERE: f"{REGION}:{ACCOUNT}",
            HERE.partition(":")[2]: ACCOUNT,
            HERE.partition(":")[0]: REGION,
            "targetgroup/mine/0a1b": mine,
            **found,
            "mine": CLUSTER,
        }
    )


@pytest.fixture(scope="module")
def pods(world):
    """The cluster, with the one service account that may take all roles on."""
    pods = Pods(world, CLUSTER)
    pods.kubectl("create", "serviceaccount", SUBJECT["name"])
    yield pods
    pods.kubectl("delete", "serviceaccount", SUBJECT["name"])


@pytest.fixture(scope="module")
def entries(words):
    """Every entry of the cases, each once."""
    said = [*(case[0] for case in [*DOES, *NEVER]), *(call.entry for call in CALLS)]
    return list({json.dumps(one, sort_keys=True): one for one in map(words.here, said)}.values())


@pytest.fixture(scope="module")
def roles(entries, iam, running_lab, tools, tmp_path_factory):
    """The role of each entry, which IAM took with its policy; none is left."""
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    said = {"cluster": CLUSTER, "subject": SUBJECT, "entries": entries}
    arns = stack.up(said)
    yield {json.dumps(entry, sort_keys=True): arns[str(index)] for index, entry in enumerate(entries)}
    stack.stack.destroy()
    assert iam.list_roles(PathPrefix="/catalogue/")["Roles"] == []


@pytest.fixture(scope="module")
def role_of(roles, words):
    return lambda entry: roles[json.dumps(words.here(entry), sort_keys=True)]


@pytest.fixture(scope="module")
def session_of(pods, running_lab):
    """Makes clients of a role, by a token of the service account."""
    token = pods.token(SUBJECT["name"])

    state = running_lab.require_running()
    config = Config(proxies={"https": state.proxy_url}, ignore_configured_endpoint_urls=True)

    def make(role, service):
        given_ = client(running_lab, "sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="add-on", WebIdentityToken=token
        )["Credentials"]
        return boto3.Session(
            given_["AccessKeyId"], given_["SecretAccessKey"], given_["SessionToken"], region_name=REGION
        ).client(service, verify=state.ca_file, config=config)

    return make


def decided(iam, role, action, resource, context=None):
    """What IAM's simulator says of the deployed role."""
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


def test_iam_takes_every_entry(roles, iam):
    """Each is in IAM as one policy, called as the entry, within what a role's policies may be in all."""
    names = set()
    for key, arn in roles.items():
        role = arn.rpartition("/")[2]
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        assert name == json.loads(key)["name"]
        assert len(json.dumps(document, separators=(",", ":"))) <= 10_240
        names.add(name)
    assert names == set(policy_templates.ENTRIES)


@pytest.mark.parametrize("index", range(len(DOES)), ids=lambda index: f"{DOES[index][0]['name']} {DOES[index][1]}")
def test_iams_simulator_says_what_the_entry_says(index, role_of, words, iam):
    """Allowed on what was named as the add-on asks for it, denied on another one or otherwise."""
    _, action, resource, context, elsewhere, otherwise = words.here(DOES[index])
    role = role_of(DOES[index][0])
    assert decided(iam, role, action, resource, context) == "allowed"
    assert decided(iam, role, action, elsewhere, otherwise) == "implicitDeny"


def test_what_no_add_on_needs_is_denied(role_of, words, iam):
    """Neither more than was asked for, nor the neighbouring action."""
    for entry, action, resource in NEVER:
        assert decided(iam, role_of(entry), action, words.here(resource)) == "implicitDeny", action


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.entry['name']} {call.operation}")
def test_a_session_reaches_what_was_named_alone(call, role_of, words, session_of):
    """With a token of the service account, and no keys: the operation works on the one, and is refused on the other."""
    api = session_of(role_of(call.entry), call.service)
    getattr(api, call.operation)(**words.here(call.mine))
    with pytest.raises(ClientError) as refused:
        getattr(api, call.operation)(**words.here(call.other))
    assert refused.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
