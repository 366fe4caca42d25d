"""The catalogue as a whole: every entry a valid policy, nothing wider than AWS's own, and what it refuses to make."""

import json
import re
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data
from policy_template_setting import GIVEN, HERE, given, statements, whole

from eks_identity.errors import InvalidInput
from eks_identity.model import limits, policy_templates
from eks_identity.model.partitions import AWS, CHINA, GOV_CLOUD
from eks_identity.model.policy_templates.page import page
from lab.cloud.policy import parse

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = list(policy_templates.ENTRIES)
SERVICES = {
    "aps": "amp",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "tag": "resourcegroupstaggingapi",
}
"""botocore's names of services whose actions begin otherwise."""
NO_OPERATION = {
    "aps:GetLabels",
    "aps:GetMetricMetadata",
    "aps:GetSeries",
    "aps:QueryMetrics",
    "aps:RemoteWrite",
    "elasticloadbalancing:SetWebAcl",
    "iam:PassRole",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
    "s3:ListBucket",
    "s3:ListMultipartUploadParts",
}
"""Actions that are permissions alone: no operation of the API has their name."""
PUBLISHED = {
    "aws-ebs-csi-driver": ("AmazonEBSCSIDriverPolicyV2",),
    "aws-efs-csi-driver": ("AmazonEFSCSIDriverPolicy",),
    "vpc-cni": ("AmazonEKS_CNI_Policy",),
    "amazon-cloudwatch-observability": ("CloudWatchAgentServerPolicy", "AWSXrayWriteOnlyAccess"),
}
"""AWS's managed policies of add-ons."""
FROM_AWS = json.loads(aws_managed_policies_data)


def problems(said, partition=AWS):
    with pytest.raises(InvalidInput) as refused:
        policy_templates.policy_documents([said], partition)
    return {problem.input.removeprefix("[0]."): problem for problem in refused.value.problems}


@cache
def operations(service):
    """The operations of the API whose actions begin so."""
    return botocore.session.get_session().get_service_model(SERVICES.get(service, service)).operation_names


def actions(documents):
    found = [statement["Action"] for document in documents for statement in document]
    return {action for one in found for action in ([one] if isinstance(one, str) else one)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [given, whole])
def test_every_entry_is_a_policy_of_the_grammar_that_fits(name, make):
    """IAM's grammar takes it, it is compact, and it fits a managed policy as well as an inline one."""
    text = policy_templates.policy_document(make(name), AWS)
    assert parse(text).statements
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
    assert len(text) <= limits.MANAGED_POLICY


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_one_that_aws_has(name):
    """An operation of the service's API, or one of the permissions that are listed as having none."""
    for action in actions([statements(whole(name)), statements(given(name))]):
        service, _, operation = action.partition(":")
        assert operation in operations(service) or action in NO_OPERATION, action


@pytest.mark.parametrize("name", NAMES)
def test_only_reading_is_unscoped_unless_it_has_no_scope(name):
    """Nothing that writes is allowed on every resource without a condition, but for what is listed here."""
    unscoped = {
        action
        for statement in statements(given(name))
        if statement["Resource"] == "*" and "Condition" not in statement
        for action in actions([[statement]])
        if not re.match(r"[\w-]+:(Describe|Get|List|BatchGet|Query)", action)
    }
    services = {action.partition(":")[0] for action in unscoped}
    assert services <= {
        "amazon-cloudwatch-observability": {"cloudwatch", "xray"},
        "aws-gateway-controller": {"logs", "tag", "vpc-lattice"},
        "aws-load-balancer-controller": {"elasticloadbalancing", "shield", "waf-regional", "wafv2"},
        "vpc-cni": {"ec2"},
    }.get(name, set())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_actions_are_those_of_awss_own_policy(name):
    """No action more than AWS's managed policy of the add-on has, and none less."""
    published = actions([FROM_AWS[policy]["Document"]["Statement"] for policy in PUBLISHED[name]])
    assert actions([statements(given(name))]) == published


@pytest.mark.parametrize("partition", [CHINA, GOV_CLOUD])
@pytest.mark.parametrize("name", NAMES)
def test_every_arn_is_of_the_roles_partition(name, partition):
    """In China and GovCloud nothing names the commercial partition."""

    def moved(value):
        if isinstance(value, list):
            return [moved(item) for item in value]
        return value.replace("arn:aws:", f"arn:{partition.name}:") if isinstance(value, str) else value

    text = policy_templates.policy_document({key: moved(value) for key, value in whole(name).items()}, partition)
    assert "arn:aws:" not in text
    for statement in json.loads(text)["Statement"]:
        found = statement["Resource"]
        for resource in [found] if isinstance(found, str) else found:
            assert resource == "*" or resource.startswith(f"arn:{partition.name}:")


@pytest.mark.parametrize("name", NAMES)
def test_what_an_entry_needs_is_asked_for(name):
    """Left out, each needed field is a problem that shows an example; all_resources stands in for those it can."""
    entry = policy_templates.find(name)
    groups = [*([one] for one in entry.always), *entry.needs]
    if not groups:
        assert policy_templates.policy_document({"name": name}, AWS)
        return
    found = problems({"name": name})
    assert set(found) == {group[0].name for group in groups}
    for group in groups:
        assert group[0].shown_example(AWS) in found[group[0].name].fix
    opened = {"name": name, "all_resources": True}
    if entry.always:
        assert {one.name for one in entry.always} == set(problems(opened))
    else:
        assert policy_templates.policy_document(opened, AWS)


def test_one_group_of_fields_is_enough():
    """external-secrets needs secrets or parameters, and says nothing of those that are not named."""
    parameters = GIVEN["parameter_arns"]
    text = json.dumps(statements({"name": "external-secrets", "parameter_arns": parameters}))
    assert "secretsmanager" not in text
    everything = json.dumps(statements({"name": "external-secrets", "all_resources": True}))
    assert "arn:aws:secretsmanager:*:*:secret:*" in everything
    assert "arn:aws:ssm:*:*:parameter/*" in everything


KEY = f"arn:aws:kms:{HERE}:key/0b1d2f3a-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("name", "field", "value", "fix"),
    [
        ("external-dns", "hosted_zone_arns", "Z0123ABC", "write arn:aws:route53:::hostedzone/Z0123ABC"),
        ("external-dns", "hosted_zone_arns", "/hostedzone/Z0123ABC", "write arn:aws:route53:::hostedzone/Z0123ABC"),
        ("external-dns", "hosted_zone_arns", "example.com", "write arn:aws:route53:::hostedzone/Z"),
        ("external-dns", "hosted_zone_arns", "arn:aws:route53:::hostedzone/*", "set all_resources to True"),
        ("velero", "bucket_arns", "arn:aws:s3:::mine/*", "write arn:aws:s3:::mine"),
        ("velero", "bucket_arns", "s3://mine/backups", "write arn:aws:s3:::mine"),
        ("velero", "bucket_arns", "mine", "write arn:aws:s3:::mine"),
        ("velero", "bucket_arns", "arn:aws:s3:::*", "set all_resources to True"),
        ("velero", "bucket_arns", "*", "write arn:aws:s3:::NAME"),
        ("velero", "kms_key_arns", f"arn:aws:kms:{HERE}:alias/mine", "write arn:aws:kms:eu-west-1:111122223333:key/ID"),
        ("velero", "kms_key_arns", "0b1d2f3a-0000-4000-8000-000000000001", "key/0b1d2f3a-0000-4000-8000-000000000001"),
        ("velero", "kms_key_arns", f"arn:aws:kms:{HERE}:key/*", "set all_resources to True"),
        ("velero", "key_prefixes", "backups", "write team/"),
        ("velero", "key_prefixes", "/backups/", "write team/"),
        ("velero", "key_prefixes", "*/", "write team/"),
        ("external-secrets", "secret_arns", "team/db", "secret:team/db"),
        ("external-secrets", "secret_arns", f"arn:aws:secretsmanager:{HERE}:secret:*", "set all_resources to True"),
        ("external-secrets", "parameter_arns", "/team/db", "parameter/team/db"),
        ("external-secrets", "parameter_arns", f"arn:aws:ssm:{HERE}:parameter/*", "set all_resources to True"),
        ("aws-efs-csi-driver", "file_system_arns", "fs-0a1", "file-system/fs-0a1"),
        (
            "aws-efs-csi-driver",
            "file_system_arns",
            f"arn:aws:fsx:{HERE}:file-system/fs-0a1",
            "write arn:aws:elasticfilesystem:",
        ),
        ("karpenter", "queue_arns", "https://sqs.eu-west-1.amazonaws.com/111122223333/mine", "write arn:aws:sqs:"),
        ("karpenter", "node_role_arns", "arn:aws:iam::111122223333:instance-profile/nodes", "role/"),
        ("karpenter", "node_role_arns", "arn:aws:iam::111122223333:role/*", "write arn:aws:iam::ACCOUNT:role/NAME"),
        ("karpenter", "cluster_names", "arn:aws:eks:eu-west-1:111122223333:cluster/mine", "write my-cluster"),
        ("karpenter", "cluster_names", "*", "write my-cluster"),
        ("amazon-managed-service-prometheus", "workspace_arns", "ws-mine", "workspace/ws-mine"),
        (
            "aws-load-balancer-controller-target-group-binding-only",
            "target_group_arns",
            f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/*/*",
            "set all_resources to True",
        ),
        (
            "external-dns",
            "hosted_zone_arns",
            "arn:aws-cn:route53:::hostedzone/Z0123ABC",
            "change arn:aws-cn to arn:aws",
        ),
    ],
)
def test_the_wrong_value_is_refused_with_the_right_one(name, field, value, fix):
    """What was most likely meant is in the fix, as an ARN where an ARN is wanted."""
    found = problems({**given(name), field: [value]})
    assert fix in found[f"{field}[0]"].fix


@pytest.mark.parametrize("field", sorted(GIVEN))
def test_a_field_that_is_not_read_is_refused(field):
    """It would do nothing, and whoever wrote it thinks that it does."""
    for name, entry in policy_templates.ENTRIES.items():
        if field not in entry.fields:
            assert "take it out" in problems({**given(name), field: GIVEN[field]})[field].fix


def test_other_refusals():
    """Unknown entries, entries and values named twice, lists that are none, flags that are none."""
    assert problems({"name": "external-dn"})["name"].fix == "did you mean external-dns?"
    assert "of your own" in problems({"name": "xyz"})["name"].fix
    twice = [given("external-dns"), given("external-dns")]
    with pytest.raises(InvalidInput, match="each entry of the catalogue once"):
        policy_templates.policy_documents(twice, AWS)
    zones = GIVEN["hosted_zone_arns"] * 2
    assert "once" in problems({"name": "external-dns", "hosted_zone_arns": zones})["hosted_zone_arns[1]"].rule
    said = {"name": "external-dns", "hosted_zone_arns": GIVEN["hosted_zone_arns"][0]}
    assert "a list" in problems(said)["hosted_zone_arns"].rule
    assert "without quotes" in problems({**given("external-secrets"), "write": "yes"})["write"].rule
    assert "ipv4" in problems({"name": "vpc-cni", "ip_family": "ipv5"})["ip_family"].rule
    assert "none that can mean everything" in problems({"name": "vpc-cni", "all_resources": True})["all_resources"].rule
    assert "a string" in problems({"name": "external-dns", "hosted_zone_arns": [5]})["hosted_zone_arns[0]"].rule


def test_an_empty_list_is_no_scope():
    """A list without items, such as a filter that found nothing, does not open everything."""
    assert "hosted_zone_arns" in problems({"name": "external-dns", "hosted_zone_arns": []})


def test_everything_is_named_where_it_is_meant():
    """With all_resources, an ARN that stands for all is taken; without, one of many is."""
    said = {"name": "external-dns", "all_resources": True}
    assert "arn:aws:route53:::hostedzone/*" in json.dumps(statements(said))
    wide = f"arn:aws:ssm:{HERE}:parameter/team/*"
    assert wide in json.dumps(statements({"name": "external-secrets", "parameter_arns": [wide]}))
    for name in ("velero", "aws-ebs-csi-driver"):
        named = {"name": name, "all_resources": True, "kms_key_arns": [f"arn:aws:kms:{HERE}:key/*"]}
        assert f"arn:aws:kms:{HERE}:key/*" in json.dumps(statements(named))


def test_not_every_role_may_ever_be_passed_on():
    """Whoever may pass any role may become anyone, so that is refused even where it is asked for."""
    said = {**given("karpenter"), "node_role_arns": ["arn:aws:iam::111122223333:role/*"], "all_resources": True}
    fix = problems(said)["node_role_arns[0]"].fix
    assert fix == "write arn:aws:iam::ACCOUNT:role/NAME"


def test_policies_have_room_on_one_role_or_are_refused():
    """Together, as one role has them, documents have at most IAM's quota of characters."""
    both = policy_templates.policy_documents([given("karpenter"), whole("aws-load-balancer-controller")], AWS)
    assert sum(map(len, both.values())) <= limits.INLINE_POLICIES
    buckets = [f"arn:aws:s3:::{'b' * 50}{index}" for index in range(100)]
    with pytest.raises(InvalidInput, match="10240 characters together"):
        policy_templates.policy_documents([{"name": "velero", "bucket_arns": buckets}], AWS)


def test_addons_of_eks_find_their_entry():
    """By the name that EKS calls the add-on."""
    entry = policy_templates.entry_of_addon("aws-ebs-csi-driver")
    assert (entry.namespace, entry.service_account) == ("kube-system", "ebs-csi-controller-sa")
    assert policy_templates.entry_of_addon("coredns") is None


def test_the_page_of_the_documentation_is_this_catalogue():
    """`docs/policy-templates.md` is what `python -m eks_identity.model.policy_templates.page` prints."""
    assert (REPOSITORY / "docs" / "policy-templates.md").read_text() == page()
