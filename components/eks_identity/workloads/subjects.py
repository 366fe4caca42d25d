"""Kubernetes service accounts in the args of components: the subjects of trust policies."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypedDict

import pulumi

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import names
from eks_identity.model.subjects import Subject
from eks_identity.runtime.inputs import INVALID, Inputs


class SubjectArgs(TypedDict):
    """A Kubernetes service account."""

    namespace: pulumi.Input[str]
    """Namespace of the service account: an RFC 1123 label, at most 63 characters (Kubernetes)."""
    name: pulumi.Input[str]
    """Name of the service account: an RFC 1123 subdomain, at most 253 characters (Kubernetes)."""


@dataclass(frozen=True)
class SubjectInput:
    """A parsed service account of a component's args."""

    under: str
    """The input that names it, such as `subjects[0]`."""
    namespace: pulumi.Input[str]
    name: pulumi.Input[str]
    subject: pulumi.Input[Subject]
    """Both together."""

    @classmethod
    def of(cls, inputs: Inputs, under: str, namespace: pulumi.Input[str], name: pulumi.Input[str]) -> "SubjectInput":
        """Return the service account of a parsed namespace and a parsed name."""
        return cls(under, namespace, name, inputs.parse(under, [namespace, name], _subject))


def read_subjects(
    inputs: Inputs, under: str, subjects: Sequence[SubjectArgs], *, allow_wildcards: bool | None = None
) -> list[SubjectInput]:
    """Parse a list of service accounts; problems are added to `inputs`.

    Namespace and name are parsed independently: one of them may be resolved later. `allow_wildcards` is the input of
    that name, for components that have it; others accept no wildcards.
    """
    parse_namespace, parse_name = names.namespace, names.service_account
    if allow_wildcards is not None:
        parse_namespace = partial(_namespace_pattern, allow_wildcards=allow_wildcards)
        parse_name = partial(_name_pattern, allow_wildcards=allow_wildcards)
    return [
        SubjectInput.of(
            inputs,
            f"{under}[{index}]",
            inputs.parse(f"{under}[{index}].namespace", subject["namespace"], parse_namespace),
            inputs.parse(f"{under}[{index}].name", subject["name"], parse_name),
        )
        for index, subject in enumerate(subjects)
    ]


def reject_repeated(inputs: Inputs, subjects: Sequence[SubjectInput]) -> list[SubjectInput]:
    """Return the service accounts; those that are earlier in the list are added to the problems of `inputs`."""
    distinct: list[SubjectInput] = []
    for each in subjects:
        if isinstance(each.subject, Subject) and any(each.subject == other.subject for other in distinct):
            value = f"{each.subject.namespace}/{each.subject.service_account}"
            inputs.reject(Problem(each.under, "must name each service account once", value, "remove it"))
            distinct.append(replace(each, subject=INVALID))
        else:
            distinct.append(each)
    return distinct


def _namespace_pattern(namespace: str, *, allow_wildcards: bool) -> str:
    with _problems_of_input():
        return Subject.of(namespace, "default", allow_wildcards=allow_wildcards).namespace


def _name_pattern(name: str, *, allow_wildcards: bool) -> str:
    with _problems_of_input():
        return Subject.of("default", name, allow_wildcards=allow_wildcards).service_account


@contextmanager
def _problems_of_input() -> Iterator[None]:
    """Report the problems of one field of a Subject as those of the input itself."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(replace(problem, input="") for problem in error.problems) from None


def _subject(resolved: Sequence[str]) -> Subject:
    namespace, name = resolved
    return Subject(namespace, name)
