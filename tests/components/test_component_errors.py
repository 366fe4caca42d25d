"""Programs that collect the errors of several components end with the problems of all."""

import pickle

import pulumi
import pytest

import eks_identity as eks
from eks_identity.errors import InvalidInput, Problem
from eks_identity.redaction import Redactor
from eks_identity.runtime.component_errors import InvalidComponentsError, collect_errors
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import deploy


def program():
    with collect_errors() as errors:
        for name, issuer in (("a", "http://a"), ("b", "https://b.example.com"), ("c", "ftp://c")):
            with errors.of(f"file.yaml: {name}"):
                eks.OidcProvider(name, {"issuer": issuer, "tags": {"team": pulumi.Output.from_input("shop")}})


def test_errors_of_all_components_are_raised_at_the_end():
    with pytest.raises(InvalidComponentsError) as raised:
        deploy(program, preview=True)
    assert [problem.value for problem in raised.value.problems] == ["http://a", "ftp://c"]
    heads = [line for line in str(raised.value).splitlines() if not line.startswith(" ")]
    assert heads == [f'file.yaml: {name}: OidcProvider "{name}": 1 problem' for name in "ac"]


def test_outputs_of_rejected_components_fail_with_the_error_of_the_program():
    """The engine shows the first error that it gets: that of an Output must not hide the other components."""

    def with_outputs():
        with collect_errors() as errors:
            for name in "ab":
                with errors.of():
                    subjects = [{"namespace": "A_b", "name": pulumi.Output.from_input("cart")}]
                    eks.PodIdentityRole(
                        name, {"subjects": subjects, "partition": "aws", "path": pulumi.Output.from_input("/")}
                    )

    with pytest.raises(InvalidInputError) as raised:
        deploy(with_outputs, preview=True)
    assert isinstance(raised.value, InvalidComponentsError)
    assert len(raised.value.errors) == 2


def test_other_errors_are_not_collected():
    with pytest.raises(ZeroDivisionError), collect_errors() as errors, errors.of():
        1 / 0  # noqa: B018 - for its error


def test_program_without_errors_continues():
    with collect_errors() as errors, errors.of("nowhere"):
        pass
    errors.raise_collected()


def test_collected_errors_are_redacted():
    with pytest.raises(InvalidComponentsError) as raised:
        deploy(program, preview=True)
    hidden = raised.value.redacted(Redactor(["ftp://c"]))
    assert isinstance(hidden, InvalidComponentsError)
    assert "ftp://c" not in str(hidden)
    assert [error.subject for error in hidden.errors] == [f'file.yaml: {name}: OidcProvider "{name}"' for name in "ac"]


def test_error_passes_from_one_process_to_another():
    """A program in a pool of processes gets the problems and the subject, and not an error of pickle."""
    problem = Problem("principals[0].arn", "must begin with arn:", "x", "write an ARN")
    errors = (
        InvalidInput([problem], subject="Cluster"),
        InvalidComponentsError([InvalidInputError([problem], "Cluster")]),
    )
    for error in errors:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - of this process
        assert (copy.problems, str(copy)) == (error.problems, str(error))
