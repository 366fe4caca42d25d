"""Entries of a fleet with one state: each update would delete the resources of the other, so they are rejected."""

import os
import pwd

import pytest
import yaml
from click.testing import CliRunner

from eks_pipeline import cli
from eks_pipeline.errors import FleetFileError, UsageError
from eks_pipeline.fleet.fleet import list_of_stacks, open_fleet
from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.fleet.project_file import Project, read
from eks_pipeline.fleet.state_location import locate

BACKEND = "PULUMI_BACKEND_URL"
S3 = "s3://octo-states"
CLOUD = "https://api.pulumi.com"


@pytest.fixture(autouse=True)
def no_backend(monkeypatch):
    monkeypatch.delenv(BACKEND, raising=False)


def write_project(folder, name="shop", *stacks, backend=None):
    """Write a Pulumi project with settings files."""
    folder.mkdir(exist_ok=True)
    content = {"name": name, "runtime": "python"} | ({"backend": {"url": backend}} if backend else {})
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(content))
    for stack in stacks:
        (folder / f"Pulumi.{stack}.yaml").write_text("config: {}\n")


@pytest.fixture
def two_folders(tmp_path):
    """Write a fleet with two entries in different folders, whose project and stack have the same names."""
    for folder in ("tokyo", "osaka"):
        write_project(tmp_path / folder, "shop", "prod", "prod-2")
    return write_fleet(tmp_path, {"tokyo": {"project": "tokyo"}, "osaka": {"project": "osaka"}})


def write_fleet(folder, entries):
    """Write a fleet file whose entries are the stack `prod` by default."""
    file = folder / "fleet.yaml"
    file.write_text(
        yaml.safe_dump(
            {"stacks": {name: {"stack": "prod"} | entry for name, entry in entries.items()}}, sort_keys=False
        )
    )
    return file


def error_of(file):
    with pytest.raises(FleetFileError) as error:
        open_fleet(file)
    return str(error.value)


def test_entries_of_two_folders_with_one_state_are_an_error_with_a_fix(two_folders, monkeypatch, tmp_path):
    monkeypatch.setenv(BACKEND, S3)
    text, _, fix = error_of(two_folders).partition("\n    fix: ")
    assert text == (
        "fleet.yaml: 1 problem\n"
        "  stacks.osaka: must be another stack than stacks.tokyo: both are stack 'prod' of project 'shop' in backend "
        "s3://octo-states, so that each update would delete the resources of the other"
    )
    other_name = f"another `name` in {tmp_path / 'osaka' / 'Pulumi.yaml'}"
    assert fix == f"remove one of them, or set another `stack`, or {other_name}"


def test_each_fix_of_two_entries_with_one_state_works(two_folders, tmp_path):
    assert "the backend of `pulumi login`" in error_of(two_folders)
    renamed = write_fleet(tmp_path, {"tokyo": {"project": "tokyo"}, "osaka": {"project": "osaka", "stack": "prod-2"}})
    assert len(open_fleet(renamed).stacks) == 2
    write_fleet(tmp_path, {"tokyo": {"project": "tokyo"}, "osaka": {"project": "osaka"}})
    write_project(tmp_path / "osaka", "osaka")
    assert len(open_fleet(two_folders).stacks) == 2


def test_a_symbolic_link_to_a_project_is_the_same_project(tmp_path):
    write_project(tmp_path / "tokyo", "shop", "prod")
    (tmp_path / "link").symlink_to(tmp_path / "tokyo")
    text = error_of(write_fleet(tmp_path, {"tokyo": {"project": "tokyo"}, "link": {"project": "link"}}))
    assert "stacks.link: must be another stack than stacks.tokyo" in text
    assert text.endswith("fix: remove one of them, or set another `stack`")


def test_projects_with_backends_of_their_own_may_have_the_same_names(two_folders, monkeypatch, tmp_path):
    write_project(tmp_path / "tokyo", backend=S3)
    write_project(tmp_path / "osaka", backend="s3://other")
    assert len(open_fleet(two_folders).stacks) == 2
    monkeypatch.setenv(BACKEND, "s3://of-the-job")  # in place of both
    assert "in backend s3://of-the-job" in error_of(two_folders)


def test_a_variable_of_an_entry_decides_before_the_project(two_folders, tmp_path):
    write_project(tmp_path / "tokyo", backend=S3)
    variable = {"project": "osaka", "environment": {BACKEND: f"{S3}?region=ap-northeast-1&awssdk=v2"}}
    assert f"in backend {S3}," in error_of(write_fleet(tmp_path, {"tokyo": {"project": "tokyo"}, "osaka": variable}))


def test_a_variable_that_selects_no_backend_makes_no_other_stack(tmp_path):
    write_project(tmp_path, "shop", "prod")
    assert "stacks.b: must be another" in error_of(write_fleet(tmp_path, {"a": {}, "b": {"environment": {"X": "y"}}}))


def test_a_name_with_its_project_has_no_fix_in_the_project(two_folders, tmp_path):
    entries = {"tokyo": {"project": "tokyo"}, "osaka": {"project": "osaka", "stack": "organization/shop/prod"}}
    assert error_of(write_fleet(tmp_path, entries)).endswith("fix: remove one of them, or set another `stack`")


SAME = {
    "region and profile": (f"{S3}?region=eu-west-1&profile=a", f"{S3}/?region=eu-west-2"),
    "endpoint": (f"{S3}?endpoint=minio:9000&region=a", f"{S3}?endpoint=minio:9000"),
    "path": (f"{S3}/team/", f"{S3}/team"),
    "password": ("postgres://ann:1@db/states", "postgres://bob:2@db/states"),
    "file": ("file:///srv/states/../states", "file:///srv/states"),
    "invalid": ("s3://[", "s3://["),
}
OTHER = {
    "bucket": (S3, "s3://other"),
    "path": (S3, f"{S3}/team"),
    "endpoint": (S3, f"{S3}?endpoint=minio:9000"),
    "kind": (S3, "gs://octo-states"),
    "login": (S3, ""),
    "table": ("postgres://db/states", "postgres://db/states?table=b"),
}


def location(url="", stack="prod", folder=None, project="shop", **variables):
    environment = variables | ({BACKEND: url} if url else {})
    return locate(FleetStack("a", stack, folder, environment=environment), Project(None, project))


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_urls_of_one_backend_are_equal(tmp_path, one, other):
    assert location(one, folder=tmp_path) == location(other, folder=tmp_path)


@pytest.mark.parametrize(("one", "other"), OTHER.values(), ids=OTHER)
def test_urls_of_two_backends_differ(tmp_path, one, other):
    assert location(one, folder=tmp_path) != location(other, folder=tmp_path)


def test_a_relative_folder_of_states_is_in_that_of_the_project(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    relative = location("file://./states", folder=tmp_path / "a")
    assert relative != location("file://./states", folder=tmp_path)
    assert relative == location(f"file://{tmp_path}/b/states", folder=tmp_path)
    home = location("file://~/states", folder=tmp_path, HOME="/elsewhere").backend.url
    assert home == f"file://{os.path.realpath(pwd.getpwuid(os.getuid()).pw_dir)}/states"


def test_only_pulumi_cloud_has_organizations(tmp_path):
    assert location(S3, "organization/shop/prod") == location(S3, "organization/prod") == location(S3)
    assert location(CLOUD, "octo/prod") != location(CLOUD, "other/prod")
    assert location(CLOUD, "octo/prod") != location(CLOUD)  # not known without the backend


def test_credentials_make_no_other_stack_but_another_user_of_pulumi_cloud_may_have_one():
    assert location(S3, AWS_PROFILE="a", PULUMI_ACCESS_TOKEN="1") == location(S3, AWS_PROFILE="b")
    assert location(S3, AWS_ENDPOINT_URL="http://a") != location(S3, AWS_ENDPOINT_URL="http://b")
    one, other = ({"PULUMI_ACCESS_TOKEN": token} for token in ("first-token", "second-token"))
    assert location(CLOUD, "octo/prod", **one) == location(CLOUD, "octo/shop/prod", **other)
    assert location(CLOUD, **one) != location(CLOUD, **other)
    assert "first-token" not in repr(location(CLOUD, **one))


@pytest.mark.parametrize("name", ["Pulumi.yml", "Pulumi.json"])
def test_project_is_that_of_the_engine_in_this_folder_or_above(tmp_path, name):
    (tmp_path / name).write_text('{"name": "shop", "backend": {"url": "s3://octo-states"}}')
    assert read(tmp_path / "missing") == read(tmp_path) == Project(tmp_path / name, "shop", S3)


@pytest.mark.parametrize("text", ["[", "[]", "name:\nbackend: 3", "backend: {url: }"])
def test_a_project_file_that_cannot_be_read_has_no_name(tmp_path, text):
    """The engine reports it. Two stacks of that folder are still told apart by the folder."""
    (tmp_path / "Pulumi.yaml").write_text(text)
    assert read(tmp_path) == Project(tmp_path / "Pulumi.yaml")
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    assert f"of project '{tmp_path}'" in error_of(write_fleet(tmp_path, {"a": {}, "b": {}}))


COMMANDS = {
    **{name: (name,) for name in ("preview", "up", "drift", "refresh", "destroy", "outputs")},
    "migrate": ("migrate", "--authentication-mode", "API"),
    "operator": ("operator", "--program", "clusters"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_starts_with_two_entries_of_one_state(two_folders, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    selected = () if command[0] == "operator" else ("--stack", "tokyo")
    error = CliRunner().invoke(cli.commands, [*command, "--fleet", str(two_folders), *selected]).exception
    assert isinstance(error, FleetFileError)
    assert "stacks.osaka: must be another stack than stacks.tokyo" in str(error)
    assert not (tmp_path / ".eks-pipeline").exists()


def test_one_stack_by_two_names_on_the_command_line_is_an_error(tmp_path, monkeypatch):
    write_project(tmp_path, "shop", "prod", "dev")
    monkeypatch.setenv(BACKEND, S3)
    with pytest.raises(UsageError, match=r"--stack organization/shop/prod must be another stack than --stack prod: "):
        list_of_stacks(["prod", "dev", "organization/shop/prod"], tmp_path, None)


def operator(file, *options):
    return CliRunner().invoke(cli.commands, ["operator", "--fleet", str(file), *options]).exception


def test_operator_rejects_entries_that_its_backend_gives_one_state(two_folders, tmp_path):
    """The objects have the backend of `--backend` in place of those of the projects."""
    (tmp_path / ".git").mkdir()
    for folder in ("tokyo", "osaka"):
        write_project(tmp_path / folder, backend=f"s3://{folder}")
    git = ("--git", "https://github.com/octo-org/clusters")
    assert operator(two_folders, *git) is None
    assert f"in backend {S3}" in str(operator(two_folders, *git, "--backend", S3))


def test_operator_rejects_entries_that_one_program_gives_one_state(two_folders, tmp_path):
    """The project of a Program object has the object's name."""
    write_project(tmp_path / "osaka", "osaka")
    error = str(operator(two_folders, "--program", "clusters", "--backend", S3))
    assert "both are stack 'prod' of project 'clusters'" in error
    assert error.endswith("fix: remove one of them, or set another `stack`")
