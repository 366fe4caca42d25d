"""The table of enforced operations, one `Service` each. The lab rejects every operation that is not in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from lab.cloud.services.autoscaling import AUTOSCALING
from lab.cloud.services.cloudformation import CLOUDFORMATION
from lab.cloud.services.dynamodb import DYNAMODB
from lab.cloud.services.ec2 import EC2
from lab.cloud.services.ecr import ECR
from lab.cloud.services.efs import EFS
from lab.cloud.services.eks import EKS, EKS_AUTH
from lab.cloud.services.elbv2 import ELBV2
from lab.cloud.services.iam import IAM
from lab.cloud.services.kms import KMS
from lab.cloud.services.lambda_functions import LAMBDA
from lab.cloud.services.monitoring import CLOUDWATCH, LOGS
from lab.cloud.services.route53 import ROUTE53
from lab.cloud.services.rules import Service
from lab.cloud.services.s3 import S3
from lab.cloud.services.secretsmanager import SECRETS_MANAGER
from lab.cloud.services.sns import SNS
from lab.cloud.services.sqs import SQS
from lab.cloud.services.ssm import SSM
from lab.cloud.services.sts import STS

SERVICES: Mapping[str, Service] = {
    service.name: service
    for service in (
        AUTOSCALING,
        CLOUDFORMATION,
        CLOUDWATCH,
        DYNAMODB,
        EC2,
        ECR,
        EFS,
        EKS,
        EKS_AUTH,
        ELBV2,
        IAM,
        KMS,
        LAMBDA,
        LOGS,
        ROUTE53,
        S3,
        SECRETS_MANAGER,
        SNS,
        SQS,
        SSM,
        STS,
    )
}
"""The services by their name in botocore."""


@cache
def find_service_of_action(action: str) -> Service | None:
    """Return the service with the prefix of `action`, or None."""
    prefix = action.partition(":")[0]
    return next((service for service in SERVICES.values() if service.prefix == prefix), None)


__all__ = ("SERVICES", "Service", "find_service_of_action")
