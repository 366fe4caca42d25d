"""Resource table of the lab's aws plugin, compared with Pulumi's SDK and botocore's service models."""

import importlib
import inspect

import botocore.session
import jmespath
import pulumi
import pytest
from botocore import xform_name
from pulumi.provider.experimental.util import camel_case

from lab.plugins.aws.functions import FUNCTIONS
from lab.plugins.aws.resource_specs import TABLE

MODEL = botocore.session.get_session()
ROWS = [pytest.param(row, id=row.type.rsplit(":", 1)[-1]) for row in TABLE.values()]
CONTEXT = {"Id", "Region", "Partition", "Account"}


def sdk_class(token):
    _, module, name = token.split(":")
    return getattr(importlib.import_module(f"pulumi_aws.{module.split('/')[0]}"), name)


def sdk_inputs(token):
    """Return whether each input is required, by its name in Pulumi's schema."""
    cls = sdk_class(token)
    arguments = getattr(importlib.import_module(cls.__module__), f"{cls.__name__}Args")
    parameters = list(inspect.signature(arguments.__init__).parameters.values())[1:]
    return {schema_name(cls, item.name): item.default is inspect.Parameter.empty for item in parameters}


def sdk_outputs(token):
    cls = sdk_class(token)
    properties = inspect.getmembers(cls, lambda member: isinstance(member, property))
    return (
        {schema_name(cls, name) for name, _ in properties}
        - {"id", "urn"}
        - {
            "pulumiResourceName",
            "pulumiResourceType",
        }
    )


def schema_name(cls, name):
    member = getattr(cls, name, None)
    getter = getattr(member, "fget", None)
    return getattr(getter, "_pulumi_name", None) or camel_case(name)


def operation(row, call):
    names = [call.operation.replace("$type", kind) for kind in ("ingress", "egress")]
    service = MODEL.get_service_model(row.service)
    by_python_name = {xform_name(name): name for name in service.operation_names}
    return [service.operation_model(by_python_name[name]) for name in dict.fromkeys(names)]


@pytest.mark.parametrize("row", ROWS)
def test_resource_type_is_registered_by_the_sdk(row):
    """The type of the row is the type that the SDK's class registers."""
    assert sdk_class(row.type).pulumi_type == row.type


@pytest.mark.parametrize("row", ROWS)
def test_inputs_of_the_sdk_are_supported_or_rejected_with_a_reason(row):
    """The row knows every input of the SDK, and supports no other."""
    supported = {item.name for item in row.inputs}
    assert supported | row.not_covered.keys() >= sdk_inputs(row.type).keys() - {"tagsAll"}
    assert supported <= sdk_inputs(row.type).keys()
    assert not supported & row.not_covered.keys()


@pytest.mark.parametrize("row", ROWS)
def test_required_inputs_of_the_sdk_are_required(row):
    """The row requires every input that the SDK requires."""
    required = {item.name for item in row.inputs if item.required}
    assert required >= {name for name, needed in sdk_inputs(row.type).items() if needed}


@pytest.mark.parametrize("row", ROWS)
def test_outputs_of_the_sdk_are_supported_or_listed_with_a_reason(row):
    """The row returns every output of the SDK, or has the reason for its absence."""
    supported = {item.name for item in row.all_properties}
    assert supported | row.not_covered.keys() == sdk_outputs(row.type) | sdk_inputs(row.type).keys()
    assert all(reason for reason in row.not_covered.values())


@pytest.mark.parametrize("row", ROWS)
def test_requests_match_the_service_model(row):
    """Each request has only members of AWS's operation, and all of its required ones."""
    for call in row.calls:
        for model in operation(row, call):
            members = set(model.input_shape.members) if model.input_shape else set()
            assert set(call.request) <= members, call.operation
            assert set(model.input_shape.required_members if model.input_shape else ()) <= set(call.request)


@pytest.mark.parametrize("row", ROWS)
def test_response_paths_match_the_service_model(row):
    """Every path that the row reads is in AWS's response."""
    [model] = operation(row, row.read)
    response = sample(model.output_shape)
    resource = jmespath.search(without_filters(row.read.answer), response) if row.read.answer else response
    assert resource is not None
    details = {}
    for key, call in row.details:
        [detail] = operation(row, call)
        value = sample(detail.output_shape)
        value = jmespath.search(call.answer, value) if call.answer else value
        details[key] = [value] if call.each else value
        assert not call.each or isinstance(jmespath.search(call.each, resource), list)
    document = {**resource, **details, **dict.fromkeys(CONTEXT, "x")}
    missing = [
        item.name
        for item in row.all_properties
        if item.found and jmespath.search(without_filters(item.found), document) is None
    ]
    assert not missing


@pytest.mark.parametrize("row", ROWS)
def test_create_response_has_the_id(row):
    """The response of create has the id and the secret that the row reads from it."""
    for model in operation(row, row.create):
        response = sample(model.output_shape) if model.output_shape else {}
        paths = [item.created for item in row.properties if item.created] + ([row.id.answer] if row.id.answer else [])
        assert all(jmespath.search(path, response) is not None for path in paths)


@pytest.mark.parametrize("row", ROWS)
def test_mutable_inputs_have_an_update_call(row):
    """Each input that causes no replacement and is not local to Pulumi is changed by a call of the row."""
    changed = {name for update in row.updates for name in update.properties} | {item.property for item in row.members}
    local = {"forceDestroy", "forceDetachPolicies", "revokeRulesOnDelete", "preserve", "updateDefaultVersion"}
    local |= {"resolveConflictsOnCreate", "resolveConflictsOnUpdate", "bootstrapSelfManagedAddons", "tags"}
    in_place = {item.name for item in row.inputs if not item.replaces}
    assert in_place - local == changed - {item.name for item in row.inputs if item.replaces}


@pytest.mark.parametrize("row", ROWS)
def test_waiters_match_the_service_model(row):
    """The row uses waiters of botocore with their required arguments."""
    waiters = MODEL.get_waiter_model(row.service) if row.ready or row.deleted else None
    for waiter in (row.ready, row.deleted):
        if waiter:
            names = {xform_name(name): name for name in waiters.waiter_names}
            model = MODEL.get_service_model(row.service).operation_model(
                waiters.get_waiter(names[waiter.name]).operation,
            )
            assert set(waiter.request) == set(model.input_shape.required_members)


@pytest.mark.parametrize(
    "function", [pytest.param(each, id=each.token.rsplit(":", 1)[-1]) for each in FUNCTIONS.values()]
)
def test_function_arguments_match_the_sdk(function):
    """The function supports only arguments of the SDK's function, and all required ones."""
    sdk = sdk_function(function.token)
    parameters = {camel_case(name): item for name, item in inspect.signature(sdk).parameters.items() if name != "opts"}
    assert function.arguments <= parameters.keys()
    required = {name for name, item in parameters.items() if item.default is inspect.Parameter.empty}
    assert required <= function.arguments


def sdk_function(token):
    _, module, name = token.split(":")
    package = module.split("/")[0]
    owner = importlib.import_module("pulumi_aws" if package == "index" else f"pulumi_aws.{package}")
    return getattr(owner, xform_name(name))


def without_filters(path):
    """Return a path without its filters, which a sample response would not match."""
    result = path
    while "[?" in result:
        start = result.index("[?")
        result = result[:start] + "[]" + result[result.index("]", start) + 1 :]
    return result


def sample(shape, depth=0):
    """Return a document with every member of the shape."""
    if shape.type_name == "structure":
        return {name: sample(member, depth + 1) for name, member in shape.members.items()} if depth < 8 else {}
    if shape.type_name == "list":
        return [sample(shape.member, depth + 1)]
    if shape.type_name == "map":
        return {"key": sample(shape.value, depth + 1)}
    return {"boolean": True, "integer": 1, "long": 1, "timestamp": "2026-01-01"}.get(shape.type_name, "text")


def test_resource_table_is_keyed_by_type():
    """Each key of the table is the type of its row, so that the tests above cover all types."""
    assert all(TABLE[token].type == token for token in TABLE)
    assert pulumi.CustomResource in sdk_class("aws:iam/role:Role").__mro__
