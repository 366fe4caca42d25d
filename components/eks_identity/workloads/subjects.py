"""Service accounts as components are given them."""

from dataclasses import replace
from functools import partial
from typing import TypedDict

import pulumi

from eks_identity.errors import InvalidInput
from eks_identity.model.subjects import Subject
from eks_identity.runtime.inputs import Inputs


class SubjectArgs(TypedDict):
    """A service account."""

    namespace: pulumi.Input[str]
    """The namespace that it is in: an RFC 1123 label, at most 63 characters (Kubernetes)."""
    name: pulumi.Input[str]
    """Its name: an RFC 1123 subdomain, at most 253 characters (Kubernetes)."""


def check_subjects(inputs: Inputs, under: str, subjects: list[SubjectArgs], *, wild: bool = False) -> list[SubjectArgs]:
    """The same subjects, checked: each half as soon as it is known, though the other one comes later."""
    namespace, name = (partial(check, wild=wild) for check in (_namespace, _name))
    return [
        SubjectArgs(
            namespace=inputs.take(f"{under}[{index}].namespace", subject["namespace"], namespace),
            name=inputs.take(f"{under}[{index}].name", subject["name"], name),
        )
        for index, subject in enumerate(subjects)
    ]


def _namespace(text: str, *, wild: bool) -> str:
    return _half(text, "default", wild=wild).namespace


def _name(text: str, *, wild: bool) -> str:
    return _half("default", text, wild=wild).service_account


def _half(namespace: str, name: str, *, wild: bool) -> Subject:
    """A subject of which one half is in question: problems are that half's own."""
    try:
        return Subject.of(namespace, name, allow_wildcards=wild)
    except InvalidInput as refusal:
        raise InvalidInput(replace(each, input="") for each in refusal.problems) from None


def pairs(subjects: list[SubjectArgs]) -> list[list[pulumi.Input[str]]]:
    """The subjects as lists, which an Output can hold."""
    return [[subject["namespace"], subject["name"]] for subject in subjects]
