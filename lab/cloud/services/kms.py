"""Enforced operations of AWS KMS. A key policy must allow every request. The lab has no grants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from moto.kms.models import kms_backends
from moto.kms.utils import _deserialize_ciphertext_blob

from lab.cloud.api_call import ApiCall
from lab.cloud.context import Values
from lab.cloud.policy import Policy
from lab.cloud.service_authorization import ResourceType, resource_types
from lab.cloud.services.backends import find_backend, parse_policy, tags_of
from lab.cloud.services.rules import (
    InvalidArnError,
    PolicyInput,
    Requirement,
    Service,
    call_variables,
    check_arn,
    names,
)


def _keys(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    if call.params.get("CiphertextBlob"):
        yield _ciphertext_key(call, call.params.get("KeyId"))
        return
    key_id = call.params.get("KeyId") or call.params.get("TargetKeyId") or _alias_name(call)
    if key_id:
        yield _key_arn(call, str(key_id))


def _alias_name(call: ApiCall) -> str | None:
    return call.params.get("AliasName") if call.name == "DeleteAlias" else None


def _aliases(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    name = str(call.params.get("AliasName") or "")
    if name:
        yield resource_type.fill({**call_variables(call), "Alias": name.removeprefix("alias/")})


def _key_arn(call: ApiCall, key_id: str) -> str:
    """Return the ARN of the key that a call names by id, ARN, alias or alias ARN."""
    types = resource_types("kms")
    account, name = call.account, key_id
    if key_id.startswith("arn:"):
        check_arn(call, key_id, [types["key"], types["alias"]])
        account, name = key_id.split(":", 5)[4:]
        name = name.removeprefix("key/")
    if name.startswith("alias/"):
        backend = find_backend("kms", types["key"].fill({**call_variables(call), "Account": account, "KeyId": "*"}))
        name = (backend and backend.get_key_id_from_alias(name)) or name
    return types["key"].fill({**call_variables(call), "Account": account, "KeyId": name})


def _ciphertext_key(call: ApiCall, requested: Any) -> str:
    """Return the ARN of the key that encrypted the call's ciphertext, which must be the `requested` one, if any."""
    arn = _find_ciphertext_key(call)
    if requested and _key_arn(call, str(requested)) != arn:
        message = "The key ID in the request does not identify a CMK that can perform this operation."
        raise call.error("IncorrectKeyException", message)
    return arn


def _find_ciphertext_key(call: ApiCall) -> str:
    try:
        key_id = _deserialize_ciphertext_blob(call.params["CiphertextBlob"]).key_id
    except Exception as error:
        raise InvalidArnError("The ciphertext is not one of the lab's KMS") from error
    for account, regions in list(kms_backends.items()):
        if call.region in regions and key_id in regions[call.region].keys:
            return _key_arn(call, f"arn:{call.partition}:kms:{call.region}:{account}:key/{key_id}")
    return _key_arn(call, key_id)


def _re_encrypt(call: ApiCall) -> Iterable[Requirement]:
    yield Requirement("kms:ReEncryptFrom", _ciphertext_key(call, call.params.get("SourceKeyId")))
    yield Requirement("kms:ReEncryptTo", _key_arn(call, str(call.params.get("DestinationKeyId") or "")))


def _find_key(arn: str) -> Any:
    backend = find_backend("kms", arn)
    return backend.keys.get(arn.rpartition("/")[2]) if backend and ":key/" in arn else None


def _find_policy(arn: str) -> Policy | None:
    key = _find_key(arn)
    return None if key is None else parse_policy(key.policy, arn)


def _context(call: ApiCall, requirement: Requirement) -> Values:
    key = _find_key(requirement.resource)
    values: Values = {"kms:CallerAccount": call.account}
    requested = str(call.params.get("KeyId") or "")
    if "alias/" in requested:
        values["kms:RequestAlias"] = requested[requested.index("alias/") :]
    encryption_context = call.params.get("EncryptionContext")
    if isinstance(encryption_context, Mapping) and encryption_context:
        values["kms:EncryptionContextKeys"] = tuple(map(str, encryption_context))
        values |= {f"kms:EncryptionContext:{name}": str(value) for name, value in encryption_context.items()}
    if key is not None:
        aliases = tuple(key.aliases)
        attributes = {"kms:KeySpec": key.key_spec, "kms:KeyUsage": key.key_usage, "kms:KeyOrigin": key.origin}
        values |= {name: str(value) for name, value in attributes.items() if value}
        values |= {"kms:ResourceAliases": aliases} if aliases else {}
    return values


KMS = Service(
    name="kms",
    prefix="kms",
    signing_name="kms",
    backend="kms",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html",
    operations=names(
        "CancelKeyDeletion CreateAlias CreateKey Decrypt DeleteAlias DescribeKey DisableKey DisableKeyRotation "
        "EnableKey EnableKeyRotation Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateRandom "
        "GetKeyPolicy GetKeyRotationStatus GetPublicKey ListAliases ListKeyPolicies ListKeys ListResourceTags "
        "PutKeyPolicy ReEncrypt ScheduleKeyDeletion Sign TagResource UntagResource UpdateAlias UpdateKeyDescription "
        "Verify"
    ),
    resources={"key": _keys, "alias": _aliases},
    # https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
    requirements={"ReEncrypt": _re_encrypt},
    tagging={"CreateKey": "TagResource"},
    condition_members={"kms:EncryptionAlgorithm": "EncryptionAlgorithm"},
    context=_context,
    list_tags=tags_of("kms"),
    find_policy=_find_policy,
    policy_must_allow=lambda arn: _find_key(arn) is not None,
    policy_inputs={
        "CreateKey": PolicyInput("Policy", "MalformedPolicyDocumentException"),
        "PutKeyPolicy": PolicyInput("Policy", "MalformedPolicyDocumentException"),
    },
    invalid_arn=("NotFoundException", 400),
)
