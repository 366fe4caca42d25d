"""Hostile settings, YAML files and kubeconfigs are rejected by name, with a fix, and without a traceback."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from eks_access.errors import EksAccessError
from eks_access.sources.live_kubeconfig import find_context
from eks_identity.errors import InvalidInput, MalformedDocumentError, Problem
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.runtime.inputs import InvalidInputError
from eks_pipeline.errors import SettingsFileError
from eks_pipeline.fleet import settings_file
from stacks import lab, settings
from support.component_program import kubeconfig
from support.documents import places, replaced, value_at
from support.hostile_inputs import hostile, mutated
from support.stack_files import PROJECT, load_settings

SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])
MARK = "zq7xmark"
VALID = kubeconfig()

E = TypeVar("E", bound=Exception)


def test_hostile_settings_are_rejected(examples, show):
    """Each hostile setting is rejected with file, key, rule, value and fix, and others are read as they are."""
    valid = load_settings("lab")
    all_places = [place for place in places(valid) if place]
    counts: Counter[str] = Counter()

    @hypothesis.seed(SEED)
    @examples(100)
    @hypothesis.given(st.data())
    def run(data):
        place = data.draw(st.sampled_from(all_places))
        values = replaced(valid, place, data.draw(hostile(value_at(valid, place))))
        error = error_of(
            InvalidInputError,
            lambda: settings.parse(values, lab.PROFILE, project="eks-identity", stack="lab"),
            counts,
        )
        for problem in error.problems if error else ():
            assert "eks-identity" in problem.input
            assert problem.rule
            assert problem.fix
            assert str(problem) in str(error)
        assert {each for each in str(error) if not each.isprintable()} <= {"\n"}

    run()
    show(f"hostile settings: {dict(counts)}")


def test_hostile_settings_files_are_rejected(examples, show, tmp_path):
    """A settings file that is not valid is rejected with file, line and fix before the engine reads it."""
    text = (PROJECT / "Pulumi.lab.yaml").read_text()
    file = tmp_path / "Pulumi.lab.yaml"
    counts: Counter[str] = Counter()

    @hypothesis.seed(SEED)
    @examples(100)
    @hypothesis.given(mutated(text).map(_as_bytes) | st.binary(max_size=60))
    @hypothesis.example(b"\xff\xfe\x00")
    @hypothesis.example(b"config: {? [a]: b}")
    @hypothesis.example(b"a: &a [*a]")
    @hypothesis.example(b"[" * 3000)
    def run(content):
        file.write_bytes(content)
        error = error_of(SettingsFileError, lambda: settings_file.check(file), counts)
        if error is not None:
            assert "Pulumi.lab.yaml" in str(error)
            assert "\n  fix: " in str(error)

    run()
    show(f"hostile settings files: {dict(counts)}")


def error_of(kind: type[E], call: Callable[[], object], counts: Counter[str]) -> E | None:
    """Return the error of this class that `call` raises, None without one, and count both."""
    try:
        call()
    except kind as error:
        counts["rejected"] += 1
        return error
    counts["accepted"] += 1
    return None


def read_endpoint(file: Path) -> None:
    context = find_context(file, None)
    if context is not None:
        context.endpoint()


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _documents() -> st.SearchStrategy[str]:
    """Return texts of kubeconfigs: valid ones with a hostile value, and texts that are not quite YAML."""
    document = yaml.safe_load(VALID)
    all_places = [place for place in places(document) if place]

    @st.composite
    def with_hostile_value(draw: st.DrawFn) -> str:
        place = draw(st.sampled_from(all_places))
        return yaml.dump(replaced(document, place, draw(hostile(value_at(document, place)))))

    return with_hostile_value() | mutated(VALID)


def test_hostile_kubeconfigs_are_rejected_by_the_library(examples, show):
    """A kubeconfig that is not usable is rejected with a rule and a fix, and its credentials are not shown."""
    counts: Counter[str] = Counter()
    secret = yaml.safe_load(VALID)
    secret["users"][0]["user"] = {"token": MARK, "client-key-data": MARK, "password": MARK}

    @hypothesis.seed(SEED)
    @examples(100)
    @hypothesis.given(_documents() | mutated(yaml.dump(secret)))
    def run(text):
        error = error_of(InvalidInput, lambda: kubeconfigs.require_usable(text), counts)
        if error is None:
            kubeconfigs.server(text)
            kubeconfigs.eks_cluster(text)
            kubeconfigs.assumed_role(text)
            return
        for problem in error.problems:
            assert problem.rule.startswith("must")
            assert problem.fix
            assert MARK not in str(problem)

    run()
    show(f"hostile kubeconfigs, library: {dict(counts)}")


def test_hostile_kubeconfigs_are_rejected_by_eks_access(examples, show, tmp_path):
    """A kubeconfig that `eks-access` cannot read is rejected with the file and a fix."""
    counts: Counter[str] = Counter()
    file = tmp_path / "config"

    @hypothesis.seed(SEED)
    @examples(100)
    @hypothesis.given(_documents())
    def run(text):
        file.write_bytes(_as_bytes(text))
        error = error_of(EksAccessError, lambda: read_endpoint(file), counts)
        if error is not None:
            assert str(file) in str(error)
            assert "fix: " in str(error)

    run()
    show(f"hostile kubeconfigs, eks-access: {dict(counts)}")


def test_hostile_kubeconfig_documents_are_malformed():
    """Documents with nested, recursive and unhashable parts are malformed, and no parser fails with its own error."""
    for text in ("[" * 3000, "a: &a [*a]", "? [a]\n: b", "\x00", "1" * 5000, "{" * 500, "- - -\n" * 50, "a: [" * 2000):
        with pytest.raises(MalformedDocumentError):
            kubeconfigs.loads(text)


def test_very_deep_text_in_a_message_is_shown_as_text():
    """A value that no parser can read is shown, and its message is complete."""
    text = "[" * 5000
    assert text in str(Problem("clusters", "must be a map", text, "write a map"))
