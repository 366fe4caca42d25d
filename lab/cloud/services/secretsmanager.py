"""Enforced operations of AWS Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lab.cloud.api_call import ApiCall
from lab.cloud.policy import Policy
from lab.cloud.service_authorization import ResourceType, resource_types
from lab.cloud.services.backends import find_backend, parse_policy, tags_of
from lab.cloud.services.rules import PolicyInput, Requirement, Service, call_variables, check_arn, names


def _secrets(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    secret_id = str(call.params.get("SecretId") or "")
    if secret_id:
        yield _secret_arn(call, secret_id)


def _secret_arn(call: ApiCall, secret_id: str) -> str:
    """Return the ARN of an existing secret, which a call names by its name, its ARN, or its ARN without the suffix."""
    secret_type = resource_types("secretsmanager")["Secret"]
    if secret_id.startswith("arn:"):
        check_arn(call, secret_id, [secret_type])
        arn = secret_id
    else:
        arn = secret_type.fill({**call_variables(call), "SecretId": secret_id})
    secret = _find_secret(arn, secret_id)
    if secret is not None:
        return str(secret.arn)
    # Secrets Manager appends six random characters to the name of a new secret.
    return arn if secret_id.startswith("arn:") else f"{arn}-??????"


def _new_secret(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    yield resource_type.fill({**call_variables(call), "SecretId": f"{call.params.get('Name')}-??????"})


def _batch(call: ApiCall) -> Iterable[Requirement]:
    """Yield the permission to list secrets, and the one to read each of the listed secrets.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
    """
    yield Requirement("secretsmanager:BatchGetSecretValue")
    if call.params.get("Filters"):
        raise call.error("NotImplemented", "The lab implements BatchGetSecretValue with SecretIdList only")
    for secret_id in call.params.get("SecretIdList") or ():
        yield Requirement("secretsmanager:GetSecretValue", _secret_arn(call, str(secret_id)))


def _find_secret(arn: str, secret_id: str | None = None) -> Any:
    backend = find_backend("secretsmanager", arn)
    return backend.secrets.get(secret_id or arn) if backend else None


def _find_policy(arn: str) -> Policy | None:
    return parse_policy(getattr(_find_secret(arn), "policy", None), arn)


SECRETS_MANAGER = Service(
    name="secretsmanager",
    prefix="secretsmanager",
    signing_name="secretsmanager",
    backend="secretsmanager",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html",
    operations=names(
        "BatchGetSecretValue CreateSecret DeleteResourcePolicy DeleteSecret DescribeSecret GetRandomPassword "
        "GetResourcePolicy GetSecretValue ListSecretVersionIds ListSecrets PutResourcePolicy PutSecretValue "
        "RestoreSecret TagResource UntagResource UpdateSecret UpdateSecretVersionStage"
    ),
    resources={"Secret": _secrets},
    operation_resources={"CreateSecret": {"Secret": _new_secret}},
    requirements={"BatchGetSecretValue": _batch},
    tagging={"CreateSecret": "TagResource"},
    condition_members={
        "secretsmanager:Name": "Name",
        "secretsmanager:SecretId": "SecretId",
        "secretsmanager:VersionId": "VersionId",
        "secretsmanager:VersionStage": "VersionStage",
        "secretsmanager:ForceDeleteWithoutRecovery": "ForceDeleteWithoutRecovery",
        "secretsmanager:RecoveryWindowInDays": "RecoveryWindowInDays",
        "secretsmanager:BlockPublicPolicy": "BlockPublicPolicy",
    },
    list_tags=tags_of("secretsmanager"),
    find_policy=_find_policy,
    policy_inputs={"PutResourcePolicy": PolicyInput("ResourcePolicy", "MalformedPolicyDocumentException")},
    invalid_arn=("ResourceNotFoundException", 400),
)
