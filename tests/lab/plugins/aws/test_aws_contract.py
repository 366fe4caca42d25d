"""Every row of the aws table against Pulumi's SDK and botocore's model of AWS's API."""

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
    """Name → whether it is required, in Pulumi's own spelling."""
    cls = sdk_class(token)
    arguments = getattr(importlib.import_module(cls.__module__), f"{cls.__name__}Args")
    parameters = list(inspect.signature(arguments.__init__).parameters.values())[1:]
    return {spelled(cls, each.name): each.default is inspect.Parameter.empty for each in parameters}


def sdk_outputs(token):
    cls = sdk_class(token)
    properties = inspect.getmembers(cls, lambda member: isinstance(member, property))
    return (
        {spelled(cls, name) for name, _ in properties}
        - {"id", "urn"}
        - {
            "pulumiResourceName",
            "pulumiResourceType",
        }
    )


def spelled(cls, name):
    member = getattr(cls, name, None)
    getter = getattr(member, "fget", None)
    return getattr(getter, "_pulumi_name", None) or camel_case(name)


def operation(row, call):
    names = [call.operation.replace("$type", kind) for kind in ("ingress", "egress")]
    service = MODEL.get_service_model(row.service)
    by_python_name = {xform_name(name): name for name in service.operation_names}
    return [service.operation_model(by_python_name[name]) for name in dict.fromkeys(names)]


@pytest.mark.parametrize("row", ROWS)
def test_row_has_the_name_that_the_sdk_registers(row):
    """A row's type is one that the SDK registers."""
    assert sdk_class(row.type).pulumi_type == row.type


@pytest.mark.parametrize("row", ROWS)
def test_every_input_of_the_sdk_is_taken_or_refused_with_a_reason(row):
    """No input of the SDK is unknown to its row, and no row takes one that the SDK lacks."""
    taken = {each.name for each in row.inputs}
    assert taken | row.not_covered.keys() >= sdk_inputs(row.type).keys() - {"tagsAll"}
    assert taken <= sdk_inputs(row.type).keys()
    assert not taken & row.not_covered.keys()


@pytest.mark.parametrize("row", ROWS)
def test_inputs_that_the_sdk_requires_are_required(row):
    """What the SDK makes programs give, the row makes them give too."""
    required = {each.name for each in row.inputs if each.required}
    assert required >= {name for name, needed in sdk_inputs(row.type).items() if needed}


@pytest.mark.parametrize("row", ROWS)
def test_every_output_of_the_sdk_is_given_or_listed_with_a_reason(row):
    """A program that reads an output gets it, or finds the reason in the row."""
    given = {each.name for each in row.all_properties}
    assert given | row.not_covered.keys() == sdk_outputs(row.type) | sdk_inputs(row.type).keys()
    assert all(reason for reason in row.not_covered.values())


@pytest.mark.parametrize("row", ROWS)
def test_requests_fit_the_model_of_the_api(row):
    """Each member of each request is one that AWS's operation has, and none that it requires is missing."""
    for call in row.calls:
        for model in operation(row, call):
            members = set(model.input_shape.members) if model.input_shape else set()
            assert set(call.request) <= members, call.operation
            assert set(model.input_shape.required_members if model.input_shape else ()) <= set(call.request)


@pytest.mark.parametrize("row", ROWS)
def test_answers_are_read_where_the_model_has_them(row):
    """Every path that a row reads is in AWS's answer."""
    [model] = operation(row, row.read)
    answer = sample(model.output_shape)
    found = jmespath.search(without_filters(row.read.answer), answer) if row.read.answer else answer
    assert found is not None
    details = {}
    for key, call in row.details:
        [detail] = operation(row, call)
        told = sample(detail.output_shape)
        told = jmespath.search(call.answer, told) if call.answer else told
        details[key] = [told] if call.each else told
        assert not call.each or isinstance(jmespath.search(call.each, found), list)
    document = {**found, **details, **dict.fromkeys(CONTEXT, "x")}
    missing = [
        each.name
        for each in row.all_properties
        if each.found and jmespath.search(without_filters(each.found), document) is None
    ]
    assert not missing


@pytest.mark.parametrize("row", ROWS)
def test_create_answers_with_the_id(row):
    """An id, or a secret, that comes with create's answer is in that answer."""
    for model in operation(row, row.create):
        answer = sample(model.output_shape) if model.output_shape else {}
        paths = [each.created for each in row.properties if each.created] + ([row.id.answer] if row.id.answer else [])
        assert all(jmespath.search(path, answer) is not None for path in paths)


@pytest.mark.parametrize("row", ROWS)
def test_every_change_in_place_has_a_call(row):
    """An input that neither replaces nor is local to Pulumi is changed by one of the row's calls."""
    changed = {name for update in row.updates for name in update.properties} | {each.property for each in row.members}
    local = {"forceDestroy", "forceDetachPolicies", "revokeRulesOnDelete", "preserve", "updateDefaultVersion"}
    local |= {"resolveConflictsOnCreate", "resolveConflictsOnUpdate", "bootstrapSelfManagedAddons", "tags"}
    in_place = {each.name for each in row.inputs if not each.replaces}
    assert in_place - local == changed - {each.name for each in row.inputs if each.replaces}


@pytest.mark.parametrize("row", ROWS)
def test_waiters_exist(row):
    """A row waits with waiters that botocore has, and gives them what they need."""
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
def test_functions_take_arguments_that_the_sdk_has(function):
    """A function's arguments are among those of the SDK's function, and all that it requires are taken."""
    found = sdk_function(function.token)
    parameters = {
        camel_case(name): each for name, each in inspect.signature(found).parameters.items() if name != "opts"
    }
    assert function.arguments <= parameters.keys()
    required = {name for name, each in parameters.items() if each.default is inspect.Parameter.empty}
    assert required <= function.arguments


def sdk_function(token):
    _, module, name = token.split(":")
    package = module.split("/")[0]
    owner = importlib.import_module("pulumi_aws" if package == "index" else f"pulumi_aws.{package}")
    return getattr(owner, xform_name(name))


def without_filters(path):
    """A path without its filters: a sample answer matches none of them."""
    result = path
    while "[?" in result:
        start = result.index("[?")
        result = result[:start] + "[]" + result[result.index("]", start) + 1 :]
    return result


def sample(shape, depth=0):
    """A document with every member that the shape allows."""
    if shape.type_name == "structure":
        return {name: sample(member, depth + 1) for name, member in shape.members.items()} if depth < 8 else {}
    if shape.type_name == "list":
        return [sample(shape.member, depth + 1)]
    if shape.type_name == "map":
        return {"key": sample(shape.value, depth + 1)}
    return {"boolean": True, "integer": 1, "long": 1, "timestamp": "2026-01-01"}.get(shape.type_name, "text")


def test_a_type_out_of_the_table_is_not_there():
    """The tests above cover the whole table: it has no type twice and none without a row."""
    assert all(TABLE[token].type == token for token in TABLE)
    assert pulumi.CustomResource in sdk_class("aws:iam/role:Role").__mro__
