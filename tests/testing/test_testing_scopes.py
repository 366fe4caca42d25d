"""Policy templates that are scoped to resources of the same program."""

import pulumi_aws as aws
import pytest

import eks_identity as eks
from eks_identity.testing import Cloud, deploy

SCOPES = {
    "bucket": (lambda: aws.s3.Bucket("a").arn, "velero", "bucket_arns"),
    "file system": (lambda: aws.efs.FileSystem("a").arn, "aws-efs-csi-driver", "file_system_arns"),
    "hosted zone": (lambda: aws.route53.Zone("a", name="shop.example").arn, "external-dns", "hosted_zone_arns"),
    "key": (lambda: aws.kms.Key("a").arn, "aws-ebs-csi-driver", "kms_key_arns"),
    "parameter": (lambda: aws.ssm.Parameter("a", name="/a", type="String").arn, "external-secrets", "parameter_arns"),
    "queue": (lambda: aws.sqs.Queue("a").arn, "aws-node-termination-handler", "queue_arns"),
    "secret": (lambda: aws.secretsmanager.Secret("a").arn, "external-secrets", "secret_arns"),
    "target group": (
        lambda: aws.lb.TargetGroup("a").arn,
        "aws-load-balancer-controller-target-group-binding-only",
        "target_group_arns",
    ),
    "workspace": (lambda: aws.amp.Workspace("a").arn, "amazon-managed-service-prometheus", "workspace_arns"),
}


@pytest.mark.parametrize("region", ["ap-northeast-1", "cn-north-1"])
@pytest.mark.parametrize(("declare", "template", "field"), SCOPES.values(), ids=list(SCOPES))
def test_policy_template_accepts_the_arn_of_a_new_resource(declare, template, field, region):
    """The mocked ARN has AWS's format, passes validation, and is in the policy."""

    def program():
        arn = declare()
        clusters = {"cluster_names": ["eks-clu"]} if template == "aws-node-termination-handler" else {}
        partition = Cloud(region=region).partition.name
        args = {"policy_templates": [{"name": template, field: [arn], **clusters}], "partition": partition}
        eks.PodIdentityRole("role", args)
        return arn

    deployment = deploy(program, cloud=Cloud(region=region))
    assert deployment.value in deployment.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    assert isinstance(deployment.value, str)
