"""Policy templates: validity and scope of their documents, and validation of their args."""

import json
import re
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from eks_identity.errors import InvalidInput
from eks_identity.model import limits, policy_templates
from eks_identity.model.partitions import AWS, CHINA, GOV_CLOUD
from eks_identity.model.policy_templates.page import page
from lab.cloud.policy import parse
from support.policy_template_names import HERE, SAMPLE_FIELDS, all_args, required_args, statements

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = list(policy_templates.POLICY_TEMPLATES)
SERVICES = {
    "aps": "amp",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "tag": "resourcegroupstaggingapi",
}
"""botocore's names of services whose actions have another prefix."""
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
"""Permissions without an API operation of the same name."""
PUBLISHED = {
    "aws-ebs-csi-driver": ("AmazonEBSCSIDriverPolicyV2",),
    "aws-efs-csi-driver": ("AmazonEFSCSIDriverPolicy",),
    "vpc-cni": ("AmazonEKS_CNI_Policy",),
    "amazon-cloudwatch-observability": ("CloudWatchAgentServerPolicy", "AWSXrayWriteOnlyAccess"),
}
"""AWS managed policies of add-ons."""
FROM_AWS = json.loads(aws_managed_policies_data)


def problems(args, partition=AWS):
    with pytest.raises(InvalidInput) as error:
        policy_templates.policy_documents([args], partition)
    return {problem.input.removeprefix("[0]."): problem for problem in error.value.problems}


@cache
def operations(service):
    """Return the API operations of a service, by its prefix in actions."""
    return botocore.session.get_session().get_service_model(SERVICES.get(service, service)).operation_names


def actions(documents):
    found = [statement["Action"] for document in documents for statement in document]
    return {action for one in found for action in ([one] if isinstance(one, str) else one)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [required_args, all_args])
def test_policy_template_is_valid_and_fits_quota(name, make):
    """IAM's grammar accepts it, it is compact, and it fits a managed policy as well as an inline one."""
    text = policy_templates.policy_document(make(name), AWS)
    assert parse(text).statements
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
    assert len(text) <= limits.MANAGED_POLICY


@pytest.mark.parametrize("name", NAMES)
def test_policy_template_actions_exist(name):
    """Each action is an operation of the service's API, or a listed permission without one."""
    for action in actions([statements(all_args(name)), statements(required_args(name))]):
        service, _, operation = action.partition(":")
        assert operation in operations(service) or action in NO_OPERATION, action


@pytest.mark.parametrize("name", NAMES)
def test_policy_template_scopes_every_write_action(name):
    """No write action is allowed on every resource without a condition, but for those listed here."""
    unscoped = {
        action
        for statement in statements(required_args(name))
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
def test_policy_template_actions_equal_aws_managed_policy(name):
    """The actions are exactly those of AWS's managed policy of the add-on."""
    published = actions([FROM_AWS[policy]["Document"]["Statement"] for policy in PUBLISHED[name]])
    assert actions([statements(required_args(name))]) == published


@pytest.mark.parametrize("partition", [CHINA, GOV_CLOUD])
@pytest.mark.parametrize("name", NAMES)
def test_policy_template_arns_are_of_the_partition(name, partition):
    """In China and GovCloud no ARN names the commercial partition."""

    def moved(value):
        if isinstance(value, list):
            return [moved(item) for item in value]
        return value.replace("arn:aws:", f"arn:{partition.name}:") if isinstance(value, str) else value

    text = policy_templates.policy_document({key: moved(value) for key, value in all_args(name).items()}, partition)
    assert "arn:aws:" not in text
    for statement in json.loads(text)["Statement"]:
        found = statement["Resource"]
        for resource in [found] if isinstance(found, str) else found:
            assert resource == "*" or resource.startswith(f"arn:{partition.name}:")


@pytest.mark.parametrize("name", NAMES)
def test_policy_template_requires_its_fields(name):
    """A missing field is a problem with an example; all_resources replaces the fields that allow it."""
    template = policy_templates.find(name)
    groups = [*([field] for field in template.required), *template.one_of]
    if not groups:
        assert policy_templates.policy_document({"name": name}, AWS)
        return
    found = problems({"name": name})
    assert set(found) == {group[0].name for group in groups}
    for group in groups:
        assert group[0].shown_example(AWS) in found[group[0].name].fix
    opened = {"name": name, "all_resources": True}
    if template.required:
        assert {field.name for field in template.required} == set(problems(opened))
    else:
        assert policy_templates.policy_document(opened, AWS)


def test_policy_template_requires_one_field_of_each_group():
    """external-secrets accepts secrets or parameters, and allows nothing on the other kind."""
    parameters = SAMPLE_FIELDS["parameter_arns"]
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
def test_policy_template_rejects_wrong_value_with_suggestion(name, field, value, fix):
    """The fix has the value that was probably intended, as an ARN for fields of ARNs."""
    found = problems({**required_args(name), field: [value]})
    assert fix in found[f"{field}[0]"].fix


@pytest.mark.parametrize("field", sorted(SAMPLE_FIELDS))
def test_policy_template_rejects_unknown_field(field):
    """An unknown field has no effect, so the fix is to remove it."""
    for name, template in policy_templates.POLICY_TEMPLATES.items():
        if field not in template.fields:
            assert "remove it" in problems({**required_args(name), field: SAMPLE_FIELDS[field]})[field].fix


def test_policy_template_rejects_unknown_repeated_and_mistyped_values():
    """Unknown and repeated templates, repeated items, and values that are not lists or flags."""
    assert problems({"name": "external-dn"})["name"].fix == "did you mean external-dns?"
    assert "inline_policies instead" in problems({"name": "xyz"})["name"].fix
    twice = [required_args("external-dns"), required_args("external-dns")]
    with pytest.raises(InvalidInput, match="must be listed once for each role"):
        policy_templates.policy_documents(twice, AWS)
    zones = SAMPLE_FIELDS["hosted_zone_arns"] * 2
    assert "once" in problems({"name": "external-dns", "hosted_zone_arns": zones})["hosted_zone_arns[1]"].rule
    args = {"name": "external-dns", "hosted_zone_arns": SAMPLE_FIELDS["hosted_zone_arns"][0]}
    assert "a list" in problems(args)["hosted_zone_arns"].rule
    assert "without quotes" in problems({**required_args("external-secrets"), "write": "yes"})["write"].rule
    assert "ipv4" in problems({"name": "vpc-cni", "ip_family": "ipv5"})["ip_family"].rule
    assert (
        "no field that all_resources applies to"
        in problems({"name": "vpc-cni", "all_resources": True})["all_resources"].rule
    )
    assert "a string" in problems({"name": "external-dns", "hosted_zone_arns": [5]})["hosted_zone_arns[0]"].rule


def test_policy_template_rejects_empty_list():
    """An empty list, such as the result of a filter, does not allow all resources."""
    assert "hosted_zone_arns" in problems({"name": "external-dns", "hosted_zone_arns": []})


def test_policy_template_all_resources_accepts_wildcard_arns():
    """With all_resources a wildcard ARN is accepted; without it, a wildcard for some resources is."""
    args = {"name": "external-dns", "all_resources": True}
    assert "arn:aws:route53:::hostedzone/*" in json.dumps(statements(args))
    wide = f"arn:aws:ssm:{HERE}:parameter/team/*"
    assert wide in json.dumps(statements({"name": "external-secrets", "parameter_arns": [wide]}))
    for name in ("velero", "aws-ebs-csi-driver"):
        named = {"name": name, "all_resources": True, "kms_key_arns": [f"arn:aws:kms:{HERE}:key/*"]}
        assert f"arn:aws:kms:{HERE}:key/*" in json.dumps(statements(named))


def test_policy_template_never_allows_to_pass_every_role():
    """iam:PassRole on every role would allow to get any permission, so all_resources does not apply."""
    args = {**required_args("karpenter"), "node_role_arns": ["arn:aws:iam::111122223333:role/*"], "all_resources": True}
    fix = problems(args)["node_role_arns[0]"].fix
    assert fix == "write arn:aws:iam::ACCOUNT:role/NAME"


def test_policy_templates_together_fit_quota_of_a_role():
    """Documents of one role have at most IAM's quota of characters together, as after the fix of more."""
    both = policy_templates.policy_documents(
        [required_args("karpenter"), all_args("aws-load-balancer-controller")], AWS
    )
    assert sum(map(len, both.values())) <= limits.INLINE_POLICIES
    buckets = [f"arn:aws:s3:::{'b' * 50}{index}" for index in range(100)]
    with pytest.raises(InvalidInput, match="10240 characters in all inline policies") as error:
        policy_templates.policy_documents([{"name": "velero", "bucket_arns": buckets}], AWS)
    assert [problem.fix for problem in error.value.problems] == ["use a second role, or name fewer resources"]
    for fewer in (buckets[:50], buckets[50:]):
        policy_templates.policy_documents([{"name": "velero", "bucket_arns": fewer}], AWS)


def test_policy_template_of_eks_addon():
    """The name is that of the EKS add-on."""
    entry = policy_templates.find_addon_template("aws-ebs-csi-driver")
    assert (entry.namespace, entry.service_account) == ("kube-system", "ebs-csi-controller-sa")
    assert policy_templates.find_addon_template("coredns") is None


def test_policy_templates_page_is_up_to_date():
    """`docs/policy-templates.md` is what `python -m eks_identity.model.policy_templates.page` prints."""
    assert (REPOSITORY / "docs" / "policy-templates.md").read_text() == page()
