"""Fleet files: the order of their stacks, and errors that are reported together."""

import json

import jsonschema
import pytest
import yaml

from eks_pipeline.errors import FleetFileError, UnknownStackError, UsageError
from eks_pipeline.fleet.fleet import list_of_stacks, open_fleet
from eks_pipeline.fleet.fleet_file import schema


@pytest.fixture
def fleet(tmp_path):
    """Return a function that writes a fleet file with the settings of its stacks, and opens it."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")

    def write(text, settings=None):
        file = tmp_path / "fleet.yaml"
        file.write_text(text)
        document = yaml.safe_load(text)
        for name in document.get("stacks") or () if isinstance(document, dict) else ():
            config = (settings or {}).get(name, {})
            if "/" not in name:
                (tmp_path / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
        return open_fleet(file)

    return write


def order(fleet):
    return {name: set(others) for name, others in fleet.predecessors.items()}


def test_fleet_file_orders_stacks_by_after_of_stack_and_group(fleet):
    found = fleet("groups: {apps: {after: [network]}}\nstacks: {network: , a: {group: apps}, b: {after: [apps]}}")
    assert order(found) == {"a": {"network"}, "b": {"a"}}
    assert list(found.stacks) == ["network", "a", "b"]


def test_fleet_file_orders_a_stack_after_the_stack_that_its_settings_refer_to(fleet):
    clusters = {"shop:clusters": {"main": {"stack": "organization/shop/clusters", "name": "main"}}}
    found = fleet("stacks: {access: {}, clusters: {}}", {"access": clusters})
    assert found.predecessors == {"access": {"clusters": "stack reference"}}


def test_canaries_come_first_except_for_what_they_follow(fleet):
    found = fleet("canary: [canary]\nstacks: {network: , canary: {after: [network]}, a: , b: {after: [a]}}")
    assert order(found) == {"canary": {"network"}, "a": {"canary"}, "b": {"canary", "a"}}


def test_deletions_are_in_the_reverse_order_and_canaries_still_first(fleet):
    found = fleet("canary: [c]\nstacks: {network: , c: {after: [network]}, a: {after: [network]}, top: {after: [c]}}")
    assert order(found.reversed()) == {"network": {"c", "a"}, "c": {"top"}, "a": {"c"}}


def test_a_selection_keeps_the_order_through_stacks_that_are_left_out(fleet):
    found = fleet("groups: {g: }\nstacks: {a: , b: {after: [a]}, c: {after: [b], group: g}}")
    assert order(found.selected(["a", "g"])) == {"c": {"a"}}
    assert found.selected(["a", "g"]).left_out == ("b",)
    with pytest.raises(UsageError, match="--stack 'x' must be a stack or a group"):
        found.selected(["x"])


def test_followers_that_are_not_selected_are_those_by_order_and_not_by_canary(fleet):
    found = fleet(
        "canary: [c]\nstacks: {c: , network: , b: {after: [network]}, refers: , top: {after: [b]}}",
        {"refers": {"shop:network": "organization/shop/network"}},
    )
    assert found.selected(["network", "b"]).left_out_followers() == {
        "refers": "network (stack reference)",
        "top": "network (after), b (after)",
    }
    assert found.selected(["c"]).left_out_followers() == {}
    assert found.left_out_followers() == {}


def test_all_errors_of_a_fleet_file_are_reported_together(fleet, tmp_path):
    (tmp_path / "Pulumi.one.yaml").write_text("config: 3\n")
    with pytest.raises(FleetFileError) as error:
        fleet(
            "concurency: 3\ngroups: {g: {after: [nothing]}, h: }\ncanary: [g, canari]\n"
            "stacks:\n  one: {group: gg}\n  two: {after: [one, three], group: h}\n  three: {after: [two]}\n"
            "  same: {stack: one}\n  four: {after: five}\n  h: {}\n  one: {}\n",
            {"two": {}},
        )
    text = str(error.value)
    for message in (
        "line 11: 'one' must be unique, line 5 has it too",
        "Object contains unknown field `concurency`",
        "stacks.four.after: Expected `array`, got `str`",
        "stacks.h: a stack must not have the name of a group",
        "groups.g.after: 'nothing' must be a stack or a group",
        "canary: 'canari' must be a stack or a group",
        "the order has a cycle: ",
    ):
        assert message in text
    assert text.count("fix: ") == int(text.split(": ")[1].split(maxsplit=1)[0])


def test_each_cycle_is_an_error_of_its_own(fleet):
    with pytest.raises(FleetFileError) as error:
        fleet("stacks: {a: {after: [b]}, b: {after: [a]}, c: {after: [d]}, d: {after: [c]}, e: {after: [e]}}")
    assert str(error.value).count("the order has a cycle") == 3


def test_the_same_stack_twice_is_an_error(fleet):
    with pytest.raises(FleetFileError, match=r"stacks\.b: must be another stack than stacks\.a"):
        fleet("stacks: {a: {}, b: {stack: a}}")
    variable = "{{environment: {{{0}: one}}, stack: a}}, b: {{environment: {{{0}: two}}, stack: a}}"
    backends = variable.format("PULUMI_BACKEND_URL")
    assert list(fleet(f"stacks: {{a: {backends}}}").stacks) == ["a", "b"]


def test_the_same_stack_with_other_credentials_is_an_error(fleet):
    """Both entries have one state: the update of one would delete the resources of the other."""
    with pytest.raises(FleetFileError, match=r"stacks\.b: must be another stack than stacks\.a"):
        fleet("stacks: {a: {environment: {AWS_PROFILE: one}}, b: {environment: {AWS_PROFILE: two}, stack: a}}")


@pytest.mark.parametrize("reference", ["canary: [g]", "stacks: {a: {after: [g]}}", "groups: {g: , h: {after: [g]}}"])
def test_a_group_without_stacks_cannot_come_before_others(fleet, reference):
    """A canary without stacks would stop nothing."""
    text = yaml.safe_dump({"groups": {"g": None}, "stacks": {"a": None}} | yaml.safe_load(reference))
    with pytest.raises(FleetFileError, match="group 'g' must have a stack"):
        fleet(text)


@pytest.mark.parametrize("text", ["stacks: {a: []}", "stacks: {a: false}", "stacks: {a: }\ngroups: []"])
def test_values_of_another_type_are_errors_also_if_they_are_empty(fleet, text):
    with pytest.raises(FleetFileError, match="fix: "):
        fleet(text)


def test_missing_settings_of_several_stacks_are_reported_together(tmp_path):
    file = tmp_path / "fleet.yaml"
    (tmp_path / "other").mkdir()
    file.write_text("stacks: {a: {}, b: {project: other}, c: {project: missing}}")
    with pytest.raises(FleetFileError) as error:
        open_fleet(file)
    assert "fleet.yaml: 3 problems" in str(error.value)
    assert f"project {tmp_path / 'missing'} must be a folder" in str(error.value)
    assert "no settings file Pulumi.b.yaml" in str(error.value)


@pytest.mark.parametrize("text", ["", "- a\n", "stacks: {}\n", "stacks: [a]\n", "stacks: {a: \n", "\tstacks: 3\n"])
def test_a_file_without_stacks_has_an_error_with_a_fix(fleet, tmp_path, text):
    file = tmp_path / "fleet.yaml"
    file.write_text(text)
    with pytest.raises(FleetFileError, match="fix: "):
        open_fleet(file)


def test_a_stack_of_the_fleet_may_have_another_settings_file(fleet, tmp_path):
    (tmp_path / "other.yaml").write_text("config: {}\n")
    found = fleet("stacks: {a: {stack: prod, config_file: other.yaml}}")
    assert (found.stacks["a"].stack, found.stacks["a"].settings) == ("prod", tmp_path / "other.yaml")
    with pytest.raises(FleetFileError, match=r"stacks\.a: .* no settings file missing\.yaml"):
        fleet("stacks: {a: {stack: prod, config_file: missing.yaml}}")


def test_names_that_are_no_folders_are_errors(fleet):
    with pytest.raises(FleetFileError) as error:
        fleet("stacks: {../a: {stack: a}, .b: {stack: a}, good-1.x_y: {stack: a}}", {})
    assert str(error.value).count("must have only letters") == 2


def test_a_qualified_stack_has_the_settings_of_its_name(tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    (stack,) = list_of_stacks(["organization/shop/dev"], tmp_path, None).stacks.values()
    assert stack.settings == tmp_path / "Pulumi.dev.yaml"


def test_stacks_of_the_command_line_need_settings(tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    assert list(list_of_stacks(["dev"], tmp_path, None).stacks) == ["dev"]
    with pytest.raises(UnknownStackError, match="fix: pass one of dev"):
        list_of_stacks(["deev"], tmp_path, None)


def test_a_fleet_of_hundreds_of_stacks_opens(fleet):
    stacks = {f"cluster-{number}": {"group": "all"} for number in range(400)} | {"network": {}}
    document = {"groups": {"all": {"after": ["network"]}}, "canary": ["cluster-0"], "stacks": stacks}
    found = fleet(json.dumps(document))
    assert order(found)["cluster-399"] == {"network", "cluster-0"}


def test_the_schema_accepts_what_the_reader_accepts():
    document = {"canary": ["a"], "groups": {"g": {"after": ["a"]}}, "stacks": {"a": {"group": "g"}, "b": None}}
    jsonschema.validate(document, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"stacks": {"a": {"grup": "g"}}}, schema())
