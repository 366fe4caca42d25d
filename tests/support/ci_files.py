"""The workflows of example 14: their files, jobs and shell scripts."""

import os
import subprocess
from pathlib import Path

import yaml

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "14-pipelines"
WORKFLOWS = sorted((EXAMPLE / ".github" / "workflows").glob("*.yaml"))
GITLAB = EXAMPLE / ".gitlab-ci.yml"
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""The shell of GitHub's `run` steps; GitLab's differs in details only."""


def workflow(name):
    """Return a workflow of GitHub. YAML 1.1 reads the key `on` as True."""
    return yaml.safe_load((EXAMPLE / ".github" / "workflows" / f"{name}.yaml").read_text())


def only_job(document):
    (job,) = document["jobs"].values()
    return job


def scripts_of(document):
    """Return the scripts of the `run` steps of a workflow's job, by the step's name."""
    return {step["name"]: step["run"] for step in only_job(document)["steps"] if "run" in step}


def gitlab_jobs():
    """Return the jobs of GitLab by name, each with what it extends."""
    document = yaml.safe_load(GITLAB.read_text())
    return {
        name: document[job["extends"]] | job
        for name, job in document.items()
        if isinstance(job, dict) and "extends" in job
    }


def gitlab_script(name):
    job = gitlab_jobs()[name]
    return "\n".join([*job["before_script"], *job["script"]])


def run_script(script, folder, **variables):
    """Run a script as a job does, in a folder; PATH and other variables are added to those of this process."""
    return subprocess.run(
        [*BASH, "-c", script],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def write_command(folder, name, script):
    """Write a command for PATH, in place of a program that the test does not have."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\n{script}\n")
    file.chmod(0o755)
    return file
