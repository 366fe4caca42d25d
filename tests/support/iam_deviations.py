"""What iam-simulate is known to evaluate in another way than AWS documents.

Each deviation says which cases it may concern. A difference in any other case is an error of one of the evaluators.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from support.iam_cases import SERVICE, SESSION, Document, IamCase

_VARIABLE_WITHOUT_DEFAULT = re.compile(r"\$\{([^},*?$]+)\}")


@dataclass(frozen=True)
class Deviation:
    """A difference from AWS's documentation."""

    description: str
    source: str
    concerns: Callable[[IamCase], bool]


def deviations(case: IamCase) -> tuple[str, ...]:
    """Return the names of the deviations that may concern a case."""
    return tuple(name for name, deviation in DEVIATIONS.items() if deviation.concerns(case))


def _statements(case: IamCase) -> Iterator[Document]:
    for document in case.documents:
        yield from document["Statement"]


def _list(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _conditions(case: IamCase) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield operator, values of the policy and values of the request of each condition."""
    context = {key.lower(): _list(values) for key, values in case.context.items()}
    for statement in _statements(case):
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                yield operator, _list(values), context.get(key.lower(), [])


def _grants_directly(case: IamCase) -> bool:
    statements = (case.resource_policy or {"Statement": []})["Statement"]
    named = (str(statement.get("Principal")) for statement in statements if statement["Effect"] == "Allow")
    return any("*" in names or SESSION in names for names in named)


def _has_missing_variable(values: list[str], case: IamCase) -> bool:
    present = {key.lower() for key in case.context}
    keys = [key for value in values for key in _VARIABLE_WITHOUT_DEFAULT.findall(value)]
    return any(key.lower() not in present for key in keys)


DEVIATIONS = {
    "session policy": Deviation(
        "A session policy limits what a resource-based policy of the same account grants to the session or to `*`.",
        "How AWS enforcement code logic evaluates requests to allow or deny access",
        lambda case: case.session_policy is not None and _grants_directly(case),
    ),
    "NotPrincipal": Deviation(
        "`NotPrincipal` with Deny exempts the principals of a listed account or role, and principals with a boundary.",
        "AWS JSON policy elements: NotPrincipal; Permissions boundaries for IAM entities",
        lambda case: any("NotPrincipal" in statement for statement in _statements(case)),
    ),
    "variable in NotResource": Deviation(
        "A statement with `NotResource` and a variable without value does not apply.",
        "IAM policy elements: Variables and tags, policy variables with no value",
        lambda case: any(
            _has_missing_variable(_list(statement.get("NotResource", [])), case) for statement in _statements(case)
        ),
    ),
    "variable in a negated operator": Deviation(
        "`StringNotEquals` and others with a variable without value do not match.",
        "IAM policy elements: Variables and tags, policy variables with no value",
        lambda case: any(
            "Not" in operator and _has_missing_variable(values, case) for operator, values, _ in _conditions(case)
        ),
    ),
    "version": Deviation(
        "Documents of version 2008-10-17 have policy variables.",
        "IAM policy elements: Variables and tags",
        lambda case: any(
            document["Version"] != "2012-10-17" and "${" in json.dumps(document) for document in case.documents
        ),
    ),
    "special characters": Deviation(
        "`${*}`, `${?}` and `${$}` do not stand for the character in `StringEquals` and the like.",
        "IAM policy elements: Variables and tags, special characters",
        lambda case: any(
            "Equals" in operator and any(special in values for special in ("${*}", "${?}", "${$}"))
            for operator, values, _ in _conditions(case)
        ),
    ),
    "epoch": Deviation(
        "A date in epoch time is read as milliseconds.",
        "IAM JSON policy elements: Condition operators, date condition operators",
        lambda case: any(
            "Date" in operator and len({value.isdigit() for value in (*values, *actual)}) > 1
            for operator, values, actual in _conditions(case)
        ),
    ),
    "prefix 0": Deviation(
        "The range `0.0.0.0/0` has no address.",
        "IAM JSON policy elements: Condition operators, IP address condition operators",
        lambda case: any("0.0.0.0/0" in values for _, values, _ in _conditions(case)),
    ),
    "set operator with IfExists": Deviation(
        "`ForAnyValue:…IfExists` is false if the request lacks the key.",
        "IAM JSON policy elements: Condition operators, ...IfExists condition operators",
        lambda case: any(
            operator.startswith("ForAnyValue") and operator.endswith("IfExists") and not actual
            for operator, _, actual in _conditions(case)
        ),
    ),
    "wildcard and services": Deviation(
        "An Allow with `Principal: *` allows services. AWS does not document whether it does: the library does not "
        "evaluate it, and the lab denies.",
        "AWS JSON policy elements: Principal, all principals",
        lambda case: case.principal == SERVICE and _grants_directly(case),
    ),
}
