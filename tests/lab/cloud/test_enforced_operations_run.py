"""Each enforced operation reaches moto's method of that name, by the request that the lab writes."""

import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.cloud.services import SERVICES
from support.cloud_helpers import client

TESTED_ELSEWHERE = {"eks", "eks-auth"}
UNREACHED = ("did not authorize", "denies this operation", "UnknownOperation", "InvalidAction", "does not implement")
"""Parts of the errors of an operation that the table has and moto does not run."""
REJECTED = {"sns:Subscribe"}
"""Operations that reject the generated input by name."""
_MAX_DEPTH = 6


def smallest_input(shape, depth=0):
    """Return an input with the required members only."""
    if shape.type_name == "structure":
        members = shape.required_members if depth < _MAX_DEPTH else ()
        return {name: smallest_input(shape.members[name], depth + 1) for name in members}
    if shape.type_name == "list":
        return [smallest_input(shape.member, depth + 1)]
    if shape.type_name == "map":
        return {"k": smallest_input(shape.value, depth + 1)}
    values = {"integer": 1, "long": 1, "float": 1.0, "double": 1.0, "boolean": True, "blob": b"x", "timestamp": 1}
    return values.get(shape.type_name, shape.enum[0] if getattr(shape, "enum", None) else "abc")


@pytest.mark.parametrize("name", sorted(set(SERVICES) - TESTED_ELSEWHERE))
def test_enforced_operations_reach_their_method(cloud, name):
    """The administrator's smallest call of each operation runs it: it succeeds, or the service rejects its input."""
    service, api = SERVICES[name], client(cloud, name, config=Config(parameter_validation=False))
    errors = {}
    for operation in sorted(service.operations - set(service.not_executed)):
        shape = api.meta.service_model.operation_model(operation).input_shape
        try:
            getattr(api, xform_name(operation))(**(smallest_input(shape) if shape else {}))
        except ClientError as error:
            errors[f"{name}:{operation}"] = str(error)
    unreached = {key: text for key, text in errors.items() if any(part in text for part in UNREACHED)}
    assert set(unreached) <= REJECTED, unreached
