"""Session tags that policies need and sessions do not have.

EKS Pod Identity sets six session tags, which policies read as `aws:PrincipalTag/…`. Sessions of IRSA, and of an
association with `disable_session_tags`, have none. IAM does not report an absent tag:

| a policy of such a session has                        | Allow               | Deny                  |
|-------------------------------------------------------|---------------------|-----------------------|
| `${aws:PrincipalTag/…}` in `Resource`                 | allows nothing      | denies nothing        |
| the same in `NotResource`                             | excludes nothing    | excludes nothing      |
| the same in a condition's value                       | the value never matches                   |
| a condition on the key                                | allows nothing      | denies nothing        |
| a condition with a negated operator                   | does not restrict   | always denies         |
| a condition with `IfExists`, `ForAllValues`           | as intended         | always denies         |
| `Null` with true                                      | as intended         | always denies         |
| `Null` with false                                     | allows nothing      | as intended           |

A variable with a default, `${aws:PrincipalTag/key, 'text'}`, is always valid, and so is a tag of the role itself.

Source: EKS user guide, "Grant Pods access to AWS resources based on tags"; IAM user guide, "IAM policy elements:
Variables and tags: Policy variables with no value".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from eks_identity.errors import Problem
from eks_identity.model.statements import holds_without_key, is_negated

TAGS: Final = (
    "eks-cluster-arn",
    "eks-cluster-name",
    "kubernetes-namespace",
    "kubernetes-service-account",
    "kubernetes-pod-name",
    "kubernetes-pod-uid",
)
"""The session tags of EKS Pod Identity."""
_KEY = "aws:principaltag/"
_VARIABLE = re.compile(r"\$\{\s*aws:PrincipalTag/([^},]+?)\s*\}", re.IGNORECASE)
"""A variable without a default."""


@dataclass(frozen=True)
class Session:
    """The principal tags of a role's sessions."""

    untagged: str = ""
    """Why the sessions have no session tags; empty if EKS sets them."""
    fix: str = ""
    """How to get the session tags, an imperative; empty if it is impossible."""
    role_tags: Iterable[str] | None = ()
    """Keys of the role's own tags; None if callers may set any session tag."""

    def has(self, key: str) -> bool:
        """Return whether the sessions have, or may have, this tag."""
        own = self.role_tags
        if own is None and not _is_of_eks(key):
            return True
        return key.lower() in map(str.lower, own or ()) or (_is_of_eks(key) and not self.untagged)


@dataclass(frozen=True)
class TagNeed:
    """A tag that an element of a policy needs, and the sessions do not have."""

    input: str
    tag: str
    text: str
    """Text of the element."""
    effect: str
    """The consequence, as a clause."""
    is_variable: bool
    is_certain: bool = True
    """Whether the policy is wrong; otherwise the condition only does not restrict the requests."""

    def problem(self, session: Session) -> Problem:
        """Return the validation error, for a session tag of EKS."""
        rule = f"must not need the session tag {self.tag}: {session.untagged}, so {self.effect}"
        return Problem(self.input, rule, self.text, self._fix(session))

    def warning(self, session: Session) -> str:
        """Return the problem as a sentence."""
        if _is_of_eks(self.tag):
            return f"{self.input} needs the session tag {self.tag}: {session.untagged}, so {self.effect}"
        close = get_close_matches(self.tag.lower(), TAGS, n=1, cutoff=0.8)
        fix = f"did you mean {close[0]}?" if close else "add it to tags, unless the provider's default tags have it"
        return (
            f"{self.input} needs the tag {self.tag}, which neither tags nor EKS sets: without it, {self.effect}; {fix}"
        )

    def _fix(self, session: Session) -> str:
        fix = "remove the condition"
        if self.is_variable:
            fix = f"write the value in place of the tag, or a default: ${{aws:PrincipalTag/{self.tag}, 'VALUE'}}"
        return "; or ".join([fix, *([session.fix] if session.fix else [])])


def find_document_needs(text: str | Mapping[str, Any], session: Session) -> list[TagNeed]:
    """Return the tags that a policy document, JSON or a mapping, needs and `session` does not have.

    Inputs are paths in the document.
    """
    document = json.loads(text) if isinstance(text, str) else text
    statements = document.get("Statement", [])
    is_list = isinstance(statements, list)
    needs: list[TagNeed] = []
    for index, statement in enumerate(statements if is_list else [statements]):
        if isinstance(statement, Mapping):
            needs += _needs(_of_document(statement, f"Statement[{index}]" if is_list else "Statement"), session)
    return needs


def find_statement_needs(statements: Sequence[Mapping[str, Any]], session: Session) -> list[TagNeed]:
    """Return the tags that statements in the form of the args need. Unresolved values are not checked."""
    needs: list[TagNeed] = []
    for index, spec in enumerate(statements):
        needs += _needs(_of_args(spec, f"statements[{index}]"), session)
    return needs


def split_by_severity(needs: Iterable[TagNeed], session: Session, under: str = "") -> tuple[list[Problem], list[str]]:
    """Return the validation errors and the warnings of `needs`. `under` is the input that holds the policy."""
    problems, warnings = [], []
    for need in needs:
        if need.is_certain and _is_of_eks(need.tag):
            problems.append(need.problem(session).with_prefix(under))
        else:
            warnings.append(f"{under}{'.' if under else ''}{need.warning(session)}")
    return problems, warnings


@dataclass(frozen=True)
class _Condition:
    path: str
    test: str
    key: str
    values: list[tuple[str, str]]
    """Path and text of each value."""


@dataclass(frozen=True)
class _Statement:
    is_deny: bool
    resources: list[tuple[str, str]]
    not_resources: list[tuple[str, str]]
    conditions: list[_Condition]


def _needs(statement: _Statement, session: Session) -> list[TagNeed]:
    on_tags = [(condition, tag) for condition in statement.conditions if (tag := _tag_of(condition.key)) is not None]
    if statement.is_deny and any(_requires_key(condition) and not session.has(tag) for condition, tag in on_tags):
        return []  # the statement applies only to sessions with the tag
    never = "the Deny never applies" if statement.is_deny else "AWS denies what the statement allows"
    unexcluded = "the Deny applies to this as well" if statement.is_deny else "the statement allows this as well"
    needs = [*_variables(statement.resources, never), *_variables(statement.not_resources, unexcluded)]
    for condition, tag in on_tags:
        if (effect := _effect_of_key(condition, never, is_deny=statement.is_deny)) is not None:
            unrestricted = not statement.is_deny and is_negated(condition.test)
            needs.append(
                TagNeed(condition.path, tag, condition.key, effect, is_variable=False, is_certain=not unrestricted)
            )
    for condition in statement.conditions:
        if not condition.test.endswith("Null"):
            needs += _variables(condition.values, unexcluded if is_negated(condition.test) else never)
    return [need for need in needs if not session.has(need.tag)]


def _effect_of_key(condition: _Condition, never: str, *, is_deny: bool) -> str | None:
    """Return the effect of a condition on a key without value; None if it is as intended, or its values unresolved."""
    if not condition.values and condition.test == "Null":
        return None
    if not holds_without_key(condition.test, [text for _, text in condition.values]):
        return never
    if is_deny:
        return "the condition always holds, and the Deny does not depend on it"
    return "the condition always holds and restricts nothing" if _holds_by_negation(condition) else None


def _holds_by_negation(condition: _Condition) -> bool:
    operator = condition.test.rpartition(":")[2]
    return is_negated(condition.test) and not operator.endswith("IfExists") and not condition.test.startswith("ForAll")


def _requires_key(condition: _Condition) -> bool:
    return condition.test == "Null" and [text.lower() for _, text in condition.values[:1]] == ["false"]


def _variables(texts: Iterable[tuple[str, str]], effect: str) -> Iterator[TagNeed]:
    for path, text in texts:
        for tag in dict.fromkeys(_VARIABLE.findall(text)):
            yield TagNeed(path, tag, text, effect, is_variable=True)


def _tag_of(key: str) -> str | None:
    return key[len(_KEY) :] if key.lower().startswith(_KEY) else None


def _is_of_eks(key: str) -> bool:
    return key.lower() in TAGS


def _of_args(spec: Mapping[str, Any], path: str) -> _Statement:
    conditions = [
        _Condition(
            f"{path}.conditions[{index}].variable",
            condition["test"],
            condition["variable"],
            _texts(condition["values"], f"{path}.conditions[{index}].values"),
        )
        for index, condition in enumerate(spec.get("conditions", ()))
    ]
    resources = _texts(spec["resources"], f"{path}.resources")
    return _Statement(spec.get("effect", "Allow") == "Deny", resources, [], conditions)


def _of_document(statement: Mapping[str, Any], path: str) -> _Statement:
    conditions = []
    blocks = statement.get("Condition")
    for test, keys in blocks.items() if isinstance(blocks, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            key_path = f"{path}.Condition.{test}.{key}"
            conditions.append(_Condition(key_path, test, key, _texts(values, key_path)))
    return _Statement(
        statement.get("Effect") == "Deny",
        _texts(statement.get("Resource", []), f"{path}.Resource"),
        _texts(statement.get("NotResource", []), f"{path}.NotResource"),
        conditions,
    )


def _texts(values: Any, path: str) -> list[tuple[str, str]]:
    """Return path and text of each resolved value."""
    if not isinstance(values, list | tuple):
        values, paths = [values], [path]
    else:
        paths = [f"{path}[{index}]" for index in range(len(values))]
    texts = [str(value).lower() if isinstance(value, bool) else value for value in values]
    return [(value_path, text) for value_path, text in zip(paths, texts, strict=True) if isinstance(text, str)]
