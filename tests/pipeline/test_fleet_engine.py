"""A fleet of four stacks with the real engine: failure, resumption, review, approval and Ctrl-C."""

import json
import signal
from pathlib import Path

import pytest
import tenacity
import yaml

from eks_pipeline.review.comment import marker
from support.pipeline_events import reports_of

FLEET = """
concurrency: 2
stacks:
  network: {}
  broken: {}
  follower: { after: [broken] }
  apps: { after: [network] }
"""


@pytest.fixture(scope="module")
def fleet(fleet_runner):
    """The fleet after its first update, in which one stack failed."""
    (fleet_runner.project / "fleet.yaml").write_text(FLEET)
    for name in ("network", "broken", "follower", "apps"):
        settings(fleet_runner, name, administrators=["ann"], broken=name == "broken")
    fleet_runner.first = fleet_runner("up", "--fleet", str(fleet_runner.project / "fleet.yaml"), "--json")
    return fleet_runner


def settings(runner, stack, **values):
    """Write the settings of a stack, and keep the salt of its secrets."""
    file = runner.project / f"Pulumi.{stack}.yaml"
    document = yaml.safe_load(file.read_text()) if file.exists() else {}
    document["config"] = {f"tiny:{name}": value for name, value in values.items()}
    file.write_text(yaml.safe_dump(document))


def results(completed):
    return {name: report["result"] for name, report in reports_of(completed.stdout).items()}


def lock_files(runner):
    state = Path(runner.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    return [file for file in state.rglob("*.json") if "locks" in file.parts]


def test_one_failed_stack_of_a_fleet_does_not_stop_the_others(fleet):
    assert fleet.first.returncode == 1
    reports = reports_of(fleet.first.stdout)
    expected = {"network": "succeeded", "apps": "succeeded", "broken": "failed", "follower": "skipped"}
    assert results(fleet.first) == expected
    assert reports["follower"]["reason"] == "broken, which it follows (after), failed"
    assert any("the program is broken on purpose" in line for line in reports["broken"]["diagnostics"])
    events = [json.loads(line) for line in fleet.first.stdout.splitlines()]
    order = [event["stack"] for event in events if event["event"] == "stack_started"]
    assert order.index("network") < order.index("apps")
    assert events[-1]["summary"]["results"] == expected


def test_no_stack_of_a_fleet_is_selected(fleet):
    """Pulumi stores the selected stack of a project in a file of its home, which concurrent processes would share."""
    home = Path(fleet.environment["PULUMI_HOME"])
    assert list(home.glob("workspaces/*")) == []
    assert lock_files(fleet) == []


def test_resumed_fleet_runs_what_is_not_done(fleet):
    settings(fleet, "broken", administrators=["ann"])
    (run,) = (each.name for each in fleet.runs.iterdir() if each.is_dir())
    resumed = fleet("up", "--resume", run)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.startswith("up of 4 stacks: 4 succeeded, 0 failed, 0 skipped, 0 cancelled in ")
    assert "network: succeeded (done in the earlier part of this run; its inputs did not change)" in resumed.stderr
    assert "apps: succeeded (done in the earlier part" in resumed.stderr
    assert "follower: started" in resumed.stderr


def test_review_of_a_fleet_allows_only_what_was_reviewed(fleet, tmp_path):
    """The comment says who gains access; an update that would do more stops, and the reviewed one is applied."""
    settings(fleet, "network", administrators=["ann", "bob"])
    fleet_file, reviewed, comment = (
        str(fleet.project / "fleet.yaml"),
        tmp_path / "reviewed.json",
        tmp_path / "comment.md",
    )
    options = ("--fleet", fleet_file, "--stack", "network")
    files = ("--save", str(reviewed), "--save-comment", str(comment), "--save-plans", str(tmp_path / "plans"))
    previewed = fleet("preview", *options, *files)
    assert previewed.returncode == 0, previewed.stderr
    assert "bob gains * on all resources" in previewed.stdout
    text = comment.read_text()
    assert text.startswith(marker("fleet"))
    assert "- bob gains " in text
    assert "s3cret" not in text + reviewed.read_text()

    settings(fleet, "network", administrators=["ann", "bob", "eve"])
    stopped = fleet("up", *options, "--reviewed", str(reviewed))
    assert stopped.returncode == 4
    assert (
        "access to cluster eks-clu: now, and not reviewed: arn:aws:iam::123456789012:user/eve gains" in stopped.stderr
    )
    assert "now, and not reviewed: create aws:eks/accessEntry:AccessEntry eve" in stopped.stderr

    settings(fleet, "network", administrators=["ann", "bob"])
    applied = fleet("up", *options, "--reviewed", str(reviewed), "--plans", str(tmp_path / "plans"), "--json")
    assert applied.returncode == 0, applied.stderr
    changed = {change["urn"].rpartition("::")[2] for change in reports_of(applied.stdout)["network"]["changes"]}
    assert changed == {"bob"}


def test_update_without_review_stops_at_a_broader_access_until_it_is_approved(fleet):
    settings(fleet, "apps", administrators=["ann", "eve"])
    options = ("--stack", "apps", "--require-approval", "broadened,lockout,escalation")
    stopped = fleet("up", *options)
    assert stopped.returncode == 5
    assert "broadened: arn:aws:iam::123456789012:user/eve gains" in stopped.stderr
    approval = stopped.stderr.partition("--approve ")[2].partition(",")[0]
    latest = max((each for each in fleet.runs.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
    resumed = fleet("up", "--resume", latest.name, "--approve", approval)
    assert resumed.returncode == 0, resumed.stderr


def test_destroy_rejects_a_stack_that_others_follow_until_they_are_destroyed(new_fleet_runner):
    runner = new_fleet_runner
    (runner.project / "fleet.yaml").write_text("stacks: {network: {}, apps: {after: [network]}, new: {after: [apps]}}")
    for name in ("network", "apps", "new"):
        settings(runner, name, administrators=["ann"])
    fleet = ("--fleet", str(runner.project / "fleet.yaml"))
    assert runner("up", *fleet, "--stack", "network", "--stack", "apps").returncode == 0
    rejected = runner("destroy", *fleet, "--stack", "network")
    assert rejected.returncode == 2
    assert "apps follows network (after)\n  fix: add --stack apps, or destroy these stacks first" in rejected.stderr
    assert runner("destroy", *fleet, "--stack", "apps").returncode == 0
    done = runner("destroy", *fleet, "--stack", "network")
    assert done.returncode == 0, done.stderr
    assert runner.pulumi("stack", "export", stack="new").returncode != 0  # reading its state did not create it


def test_interrupt_cancels_each_update_of_a_fleet(fleet, tmp_path):
    """One Ctrl-C ends the run with code 130: running stacks are cancelled, waiting ones skipped, no lock is left."""
    gates = {name: tmp_path / name for name in ("network", "broken")}
    for name, gate in gates.items():
        settings(fleet, name, administrators=["ann"], until=str(gate))
    process = fleet.start("up", "--fleet", str(fleet.project / "fleet.yaml"), "--json")
    for gate in gates.values():
        for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(90), wait=tenacity.wait_fixed(0.05)):
            with attempt:
                assert Path(f"{gate}.started").exists()
    assert len(lock_files(fleet)) == 2
    process.send_signal(signal.SIGINT)
    for gate in gates.values():
        gate.touch()
    stdout, stderr = process.communicate(timeout=90)
    assert process.returncode == 130, stderr
    expected = {"network": "cancelled", "broken": "cancelled", "follower": "skipped", "apps": "skipped"}
    assert {name: report["result"] for name, report in reports_of(stdout).items()} == expected
    assert stderr.count("cancelling: the engine finishes its current step") == 2
    assert lock_files(fleet) == []
