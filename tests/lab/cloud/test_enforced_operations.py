"""The table of enforced operations agrees with botocore's models, moto, and AWS's service authorization data."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from moto.core.utils import get_service_model

from lab.cli import main
from lab.cloud.authorization import is_listed
from lab.cloud.service_authorization import find_action, resource_types
from lab.cloud.services import SERVICES
from lab.cloud.services.page import render

PAGE = Path(__file__).resolve().parents[3] / "docs" / "lab-services.md"

OPERATIONS = [(service, operation) for service in SERVICES.values() for operation in sorted(service.operations)]
SPECIAL_ACTIONS = {
    "dynamodb": "PartiQLDelete PartiQLInsert PartiQLSelect PartiQLUpdate ConditionCheckItem GetItem PutItem UpdateItem "
    "DeleteItem",
    "ec2": "CreateTags",
    "iam": "PassRole",
    "kms": "ReEncryptFrom ReEncryptTo",
    "s3": "DeleteObjectVersion DeleteObjectVersionTagging GetObjectVersion GetObjectVersionAcl GetObjectAttributes "
    "GetObjectVersionAttributes GetObjectVersionTagging PutObjectVersionAcl PutObjectVersionTagging PutBucketAcl "
    "PutBucketOwnershipControls PutBucketObjectLockConfiguration PutObjectAcl PutObjectTagging",
    "secretsmanager": "GetSecretValue",
}
"""Actions that the functions in `Service.requirements` yield."""


def names(pairs):
    return [f"{service.name}:{operation}" for service, operation in pairs]


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_operations_are_in_the_model_of_botocore(service):
    """Each enforced operation, and each one with an exception, is an operation of the service."""
    operations = set(get_service_model(service.name).operation_names)
    assert service.operations <= operations
    exceptions = [service.actions, service.operation_resources, service.requirements, service.tagging]
    exceptions += [service.passed_roles, service.policy_inputs, service.not_authorized, service.not_executed]
    assert {operation for mapping in exceptions for operation in mapping} <= service.operations


@pytest.mark.parametrize(("service", "operation"), OPERATIONS, ids=names(OPERATIONS))
def test_action_of_each_operation_is_in_the_data(service, operation):
    """The action that an operation requires is in AWS's service authorization data."""
    if operation in service.not_authorized:
        return
    is_split = operation in service.requirements and service.name in {"dynamodb", "kms"}
    if not is_split:
        assert find_action(service.action_of(operation)), service.action_of(operation)
    tagging = service.tagging.get(operation)
    assert tagging is None or find_action(f"{service.prefix}:{tagging}")


@pytest.mark.parametrize("prefix", SPECIAL_ACTIONS)
def test_special_actions_are_in_the_data(prefix):
    """The actions of operations that require several are in the data."""
    assert [name for name in SPECIAL_ACTIONS[prefix].split() if find_action(f"{prefix}:{name}") is None] == []


@pytest.mark.parametrize(("service", "operation"), OPERATIONS, ids=names(OPERATIONS))
def test_required_resource_types_have_a_resolver(service, operation):
    """The lab can find the resource of each type that the data requires for an operation."""
    if operation in service.not_authorized or operation in service.requirements:
        return
    action = find_action(service.action_of(operation))
    if operation in service.operation_resources or service.arn_members:
        return
    resolvable = {kind.name for kind in action.resource_types} & set(service.resources)
    assert resolvable or not action.required_types, action.required_types


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_resource_types_and_their_arn_formats_are_in_the_data(service):
    """Each resource type in the table has an ARN format of the service."""
    types = resource_types(service.prefix)
    for name in service.resources:
        assert re.match(r"arn:\$\{Partition\}:[a-z0-9-]+:", types[name].arn_format)


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_condition_keys_are_in_the_data(service):
    """Each condition key in the table is a key of at least one enforced action or of its resource types."""
    listed = set()
    special = [f"{service.prefix}:{name}" for name in SPECIAL_ACTIONS.get(service.prefix, "").split()]
    for name in [*map(service.action_of, service.operations), *special]:
        action = find_action(name)
        if action is not None:
            listed |= action.condition_keys
            listed |= {key for kind in action.resource_types for key in kind.condition_keys}
    assert [key for key in service.condition_members if not is_listed(key, frozenset(listed))] == []


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_condition_members_are_in_the_input(service):
    """The first member of each condition key's expression is a member of an enforced operation's input."""
    model = get_service_model(service.name)
    members = set()
    for operation in service.operations:
        shape = model.operation_model(operation).input_shape
        members |= set(shape.members) if shape else set()
    expressions = service.condition_members.values()
    assert [text for text in expressions if re.split(r"\W", text)[0] not in members] == []


def test_page_of_enforced_operations_is_current():
    """docs/lab-services.md has what `make schema` writes from the table."""
    assert PAGE.read_text() == render()


def test_lab_services_lists_the_enforced_operations():
    """`python -m lab services` lists the operations of all services, and those of one service with their actions."""
    listed = CliRunner().invoke(main, ["services"]).output
    for service in SERVICES.values():
        assert f"{service.name} ({len(service.operations)}): {', '.join(sorted(service.operations))}" in listed
    of_queues = CliRunner().invoke(main, ["services", "sqs"]).output.splitlines()
    assert ["SendMessageBatch", "sqs:SendMessage", "queue"] in [line.split() for line in of_queues]
    unknown = CliRunner().invoke(main, ["services", "apigateway"])
    assert (unknown.exit_code, "does not implement 'apigateway'" in unknown.output) == (2, True)
