"""Enforced operations of AWS Lambda. The lab stores functions and does not run them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from moto.awslambda.models import lambda_backends

from lab.cloud.api_call import ApiCall
from lab.cloud.policy import Policy
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.backends import find_backend, parse_policy, tags_of
from lab.cloud.services.rules import InvalidArnError, PassedRole, Service, call_variables, check_arn, names

_FUNCTION_NAME = re.compile(r"(?:(?:(?P<account>\d{12}):)?function:)?(?P<name>[\w-]{1,64})(?::(?P<qualifier>[\w$-]+))?")
_NO_FUNCTIONS = "the lab does not run Lambda functions"


def _functions(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the function, with the version or alias of an invocation.

    A function is named by its name, by its ARN, or by a part of its ARN.
    """
    text = str(call.params.get("FunctionName") or "")
    if not text:
        return
    qualifier = call.params.get("Qualifier") if call.name in {"Invoke", "InvokeAsync"} else None
    if text.startswith("arn:"):
        check_arn(call, text, [resource_type])
        yield f"{text}:{qualifier}" if qualifier else text
        return
    match = _FUNCTION_NAME.fullmatch(text)
    if match is None:
        raise InvalidArnError(f"{text} is not the name of a function")
    variables = {**call_variables(call), "Account": match["account"] or call.account}
    qualifier = qualifier or match["qualifier"]
    name = f"{match['name']}:{qualifier}" if qualifier else match["name"]
    yield resource_type.fill({**variables, "FunctionName": name})


def _find_policy(arn: str) -> Policy | None:
    backend = find_backend("lambda", arn)
    if backend is None:
        return None
    name = arn.split(":")[6]
    function = next((entry for entry in lambda_functions(arn) if entry.function_name == name), None)
    statements = [_with_principal_type(statement) for statement in function.policy.statements] if function else []
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}), arn) if statements else None


def _with_principal_type(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a statement of AddPermission, in which moto writes the principal of an account without its type."""
    principal = statement.get("Principal")
    return (
        {**statement, "Principal": {"AWS": principal}} if isinstance(principal, str) and principal != "*" else statement
    )


def lambda_functions(arn: str) -> list[Any]:
    """Return the functions of the account and region in `arn`."""
    _, _, _, region, account = arn.split(":")[:5]
    return list(lambda_backends[account][region].list_functions())


LAMBDA = Service(
    name="lambda",
    prefix="lambda",
    signing_name="lambda",
    backend="lambda",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html",
    operations=names(
        "AddPermission CreateFunction DeleteFunction GetFunction GetFunctionConfiguration GetPolicy Invoke "
        "ListFunctions ListTags ListVersionsByFunction PublishVersion RemovePermission TagResource UntagResource "
        "UpdateFunctionCode UpdateFunctionConfiguration"
    ),
    # "To invoke a function … lambda:InvokeFunction": https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    actions={"Invoke": "InvokeFunction"},
    resources={"function": _functions},
    arn_members=("Resource",),
    tagging={"CreateFunction": "TagResource"},
    condition_members={
        "lambda:Layer": "Layers",
        "lambda:Principal": "Principal",
        "lambda:FunctionUrlAuthType": "FunctionUrlAuthType",
        "lambda:SecurityGroupIds": "VpcConfig.SecurityGroupIds",
        "lambda:SubnetIds": "VpcConfig.SubnetIds",
    },
    list_tags=tags_of("lambda"),
    find_policy=_find_policy,
    passed_roles={
        "CreateFunction": (PassedRole("lambda.amazonaws.com", "Role"),),
        "UpdateFunctionConfiguration": (PassedRole("lambda.amazonaws.com", "Role"),),
    },
    not_executed={"Invoke": _NO_FUNCTIONS},
    invalid_arn=("InvalidParameterValueException", 400),
)
