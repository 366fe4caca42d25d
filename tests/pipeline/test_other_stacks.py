"""Stacks that the fleet file does not have, and that still have resources: reported, and never as fine."""

import json
import re

import jsonschema
import pytest
import yaml

from eks_pipeline.errors import FleetFileError
from eks_pipeline.fleet.fleet import open_fleet
from eks_pipeline.fleet.fleet_file import schema
from eks_pipeline.report import Operation
from eks_pipeline.review.comment import comment
from eks_pipeline.review.other_stacks import FIX, find_other_stacks
from eks_pipeline.review.stack_preview import FleetPreview, OtherStack, OtherStacks
from eks_pipeline.review.terminal import drift_sentences, sentences
from support.stack_previews import access, preview

S3 = "s3://octo-states"
OLD = OtherStack("shop/old", 12, S3)


def listed(name, count=12, **fields):
    counted = {} if count is None else {"resourceCount": count}
    return {"name": name, "current": False, "lastUpdate": "2026-11-30T10:00:00.000Z", **counted, **fields}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Stands for `pulumi stack ls`: set the stacks of a backend by its URL. `calls` are the backends and projects."""
    folder = tmp_path / "engine"
    folder.mkdir()
    program = folder / "pulumi"
    program.write_text(
        '#!/bin/sh\necho "$PULUMI_BACKEND_URL $*" >> "$(dirname "$0")/calls"\n'
        'file="$(dirname "$0")/$(echo "$PULUMI_BACKEND_URL" | tr -c "a-z0-9\\n" _)"\n'
        '[ -e "$file" ] || { echo "error: AccessDenied: s3:ListBucket" >&2; exit 255; }\ncat "$file"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("PULUMI_BACKEND_URL", S3)

    class Engine:
        def has(self, *stacks, backend=S3, text=None):
            content = json.dumps(stacks) if text is None else text
            (folder / re.sub("[^a-z0-9]", "_", backend)).write_text(content)

        @property
        def calls(self):
            return (folder / "calls").read_text().splitlines()

    return Engine()


@pytest.fixture
def fleet(tmp_path):
    """Return a function that opens a fleet of projects: `shop`, and others in folders of their names."""

    def write(entries, **parts):
        for name, entry in entries.items():
            folder = tmp_path / entry.get("project", ".")
            folder.mkdir(exist_ok=True)
            (folder / "Pulumi.yaml").write_text(f"name: {entry.get('project', 'shop')}\nruntime: python\n")
            (folder / f"Pulumi.{entry.get('stack', name).rpartition('/')[2]}.yaml").write_text("config: {}\n")
        file = tmp_path / "fleet.yaml"
        file.write_text(yaml.safe_dump({"stacks": entries, **parts}))
        return open_fleet(file)

    return write


def test_stacks_with_resources_that_the_fleet_file_does_not_have_are_found(engine, fleet):
    engine.has(listed("dev"), listed("old"), listed("destroyed", 0), listed("organization/shop/older", 1))
    found = find_other_stacks(fleet({"dev": {}}))
    assert found == OtherStacks((OLD, OtherStack("shop/older", 1, S3)))
    assert found.is_incomplete


def test_the_engine_starts_once_for_each_project_and_backend(engine, fleet):
    engine.has(listed("c-0"))
    engine.has(listed("other"), backend="s3://other")
    entries = {f"c-{number}": {"environment": {"AWS_PROFILE": str(number % 7)}} for number in range(100)}
    entries |= {f"n-{number}": {"project": "network"} for number in range(50)}
    entries["elsewhere"] = {"stack": "c-0", "environment": {"PULUMI_BACKEND_URL": "s3://other"}}
    assert find_other_stacks(fleet(entries)).stacks == (
        OtherStack("network/c-0", 12, S3),
        OtherStack("shop/other", 12, "s3://other"),
    )
    listing = "--non-interactive stack ls --json --project"
    assert sorted(engine.calls) == [
        f"s3://octo-states {listing} network",
        f"s3://octo-states {listing} shop",
        f"s3://other {listing} shop",
    ]


def test_ignored_stacks_are_those_that_run_outside_of_the_fleet_on_purpose(engine, fleet):
    engine.has(listed("dev"), listed("pr-12"), listed("pr-13"), listed("lab"))
    found = find_other_stacks(fleet({"dev": {}}, ignored_stacks=["shop/pr-*", "network/lab"]))
    assert [each.stack for each in found.stacks] == ["shop/lab"]


@pytest.mark.parametrize("pattern", ["old", "organization/shop/old", "", 3])
def test_ignored_stacks_have_a_project_and_a_name(fleet, pattern):
    document = {"stacks": {"dev": None}, "ignored_stacks": [pattern]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())
    with pytest.raises(FleetFileError, match="ignored_stacks"):
        fleet({"dev": {}}, ignored_stacks=[pattern])
    jsonschema.validate({**document, "ignored_stacks": ["shop/pr-*"]}, schema())


CASES = {
    "number of resources not known": (listed("old", None), ("shop/old", None)),
    "never updated": (listed("old", None, lastUpdate=""), None),
    "first update in progress": ({"name": "old", "updateInProgress": True}, ("shop/old", None)),
    "destroyed": (listed("old", 0), None),
    "another organization": (listed("octo/shop/old"), ("octo/shop/old", 12)),
    "own stack by its organization": (listed("octo/shop/dev"), None),
}


@pytest.mark.parametrize(("stack", "expected"), CASES.values(), ids=CASES)
def test_stacks_of_pulumi_cloud(engine, fleet, stack, expected):
    """An entry without an organization may be a stack of each one."""
    cloud = "https://api.pulumi.com"
    engine.has(stack, listed("dev"), backend=cloud)
    found = find_other_stacks(fleet({"dev": {"environment": {"PULUMI_BACKEND_URL": cloud}}}))
    assert found.stacks == (() if expected is None else (OtherStack(*expected, cloud),))


def test_stack_of_another_organization_is_not_that_of_the_fleet(engine, fleet):
    cloud = {"environment": {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}}
    engine.has(listed("octo/shop/dev"), listed("other/shop/dev"), backend="https://api.pulumi.com")
    found = find_other_stacks(fleet({"dev": {"stack": "octo/dev", **cloud}}))
    assert [each.stack for each in found.stacks] == ["other/shop/dev"]


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "error: AccessDenied: s3:ListBucket"), ("no JSON", "printed what cannot be read")]
)
def test_stacks_that_cannot_be_listed_are_not_evaluated(engine, fleet, text, reason):
    if text is not None:
        engine.has(text=text)
    found = find_other_stacks(fleet({"dev": {}}))
    assert found.stacks == ()
    assert found.is_incomplete
    (not_listed,) = found.not_listed
    assert not_listed.startswith(f"project shop in backend {S3}: `pulumi stack ls`")
    assert reason in not_listed


def fleet_preview(other, operation=Operation.PREVIEW):
    return FleetPreview(operation=operation, stacks=(preview(access()),), other_stacks=other)


def test_comment_and_terminal_name_the_stacks_and_do_not_call_the_fleet_unchanged():
    found = fleet_preview(OtherStacks((OLD, OtherStack("shop/one", 1))))
    names = f"shop/old (12 resources in {S3}), shop/one (1 resource)"
    assert sentences(found) == [
        "no change of access in what was evaluated",
        f"not evaluated: 2 stacks that the fleet file does not have: {names}; {FIX}",
    ]
    text = comment(found)
    assert "Access: no change in what was evaluated; resources: no changes; **2 unmanaged stacks**." in text
    assert "### Stacks that the fleet file does not have\n\n- shop/old (12 resources in s3://octo-states): not" in text


def test_drift_names_projects_whose_stacks_could_not_be_listed():
    found = fleet_preview(OtherStacks((), ("project shop in backend s3://octo-states: denied",)), Operation.DRIFT)
    sentence = "stacks that the fleet file does not have, of project shop in backend s3://octo-states: denied"
    assert drift_sentences(found)[-1] == f"not evaluated: {sentence}"
    assert "**1 failed listing**.\n\n### Access\n\nNo difference of access in what was evaluated.\n\n### S" in comment(
        found
    )


def test_stack_that_was_removed_from_the_fleet_file_is_reported_until_it_is_destroyed(runner, tmp_path):
    """With the real engine. `drift` fails, and `--stack` asks for that stack alone."""
    file = runner.project / "fleet.yaml"
    options = ("--fleet", str(file))
    file.write_text("stacks: {test: {}, old: {}}")
    (runner.project / "Pulumi.old.yaml").write_text("config: {}\n")
    assert runner("up", *options).returncode == 0
    clean = runner("drift", *options)
    assert (clean.returncode, "fleet file" in clean.stdout) == (0, False), clean.stderr

    file.write_text("stacks: {test: {}}")
    found = runner("drift", *options, "--save", str(tmp_path / "drift.json"))
    assert found.returncode == 1
    assert re.search(
        r"not evaluated: a stack that the fleet file does not have: tiny/old \(\d resources ", found.stdout
    )
    (other,) = json.loads((tmp_path / "drift.json").read_text())["other_stacks"]["stacks"]
    assert (other["stack"], other["backend"]) == ("tiny/old", runner.environment["PULUMI_BACKEND_URL"])
    previewed = runner("preview", *options)
    assert (previewed.returncode, "tiny/old" in previewed.stdout) == (0, True), previewed.stderr
    for more in (("--stack", "test"), ("--allow-not-evaluated",)):
        allowed = runner("drift", *options, *more)
        assert (allowed.returncode, "tiny/old" in allowed.stdout) == (0, more[0] != "--stack"), allowed.stderr

    file.write_text("stacks: {test: {}}\nignored_stacks: [tiny/old]")
    assert runner("drift", *options).returncode == 0
    file.write_text("stacks: {test: {}}")
    assert runner("destroy", "--stack", "old").returncode == 0
    assert runner("drift", *options).returncode == 0
