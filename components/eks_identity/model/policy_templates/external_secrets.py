"""Policy template of the External Secrets Operator: secrets of Secrets Manager, parameters of Systems Manager."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import KEYS, PARAMETERS, SECRETS, WRITE
from eks_identity.model.policy_templates.statements import Statement, allow, like, string_equals, tagged
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope

_MANAGED = string_equals(tagged("managed-by"), "external-secrets")
"""The operator tags the secrets and parameters that it creates."""


def _external_secrets(scope: Scope) -> Iterator[Statement]:
    # `all_resources` applies to both kinds only if neither is named.
    both = scope.all_of(SECRETS, PARAMETERS)
    secrets = tuple(arn for arn in both if ":secretsmanager:" in arn)
    parameters = tuple(arn for arn in both if ":ssm:" in arn)
    if secrets:
        yield from _secrets(scope, secrets)
    if parameters:
        yield from _parameters(scope, parameters)
    if scope.keys:
        actions = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey") if scope.may_write else ("kms:Decrypt",)
        hosts = (*scope.hosts("secretsmanager.*"), *scope.hosts("ssm.*"))
        yield allow(*actions).on(*scope.keys).when(like("kms:ViaService", *hosts))


def _secrets(scope: Scope, secrets: tuple[str, ...]) -> Iterator[Statement]:
    yield allow("secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue")
    yield allow(
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:GetSecretValue",
        "secretsmanager:DescribeSecret",
        "secretsmanager:ListSecretVersionIds",
    ).on(*secrets)
    if scope.may_write:
        yield allow(
            "secretsmanager:CreateSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:TagResource",
            "secretsmanager:UntagResource",
        ).on(*secrets)
        yield allow("secretsmanager:DeleteSecret").on(*secrets).when(_MANAGED)


def _parameters(scope: Scope, parameters: tuple[str, ...]) -> Iterator[Statement]:
    yield allow("ssm:DescribeParameters")
    yield allow("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath").on(*parameters)
    if scope.may_write:
        yield allow(
            "ssm:PutParameter", "ssm:AddTagsToResource", "ssm:RemoveTagsFromResource", "ssm:ListTagsForResource"
        ).on(*parameters)
        yield allow("ssm:DeleteParameter").on(*parameters).when(_MANAGED)


EXTERNAL_SECRETS = PolicyTemplate(
    name="external-secrets",
    namespace="external-secrets",
    service_account="external-secrets",
    permissions="read the secrets and parameters, and list the names of all; with `write`, create and change them, and "
    "delete those that it created; with `kms_key_arns`, also secrets and parameters encrypted with these keys",
    source="https://external-secrets.io/latest/provider/aws-secrets-manager/#iam-policy",
    statements=_external_secrets,
    one_of=[[SECRETS, PARAMETERS]],
    optional=[KEYS, WRITE],
)
