"""The session tags that policies need, and the sessions that do not have them.

EKS Pod Identity sets six session tags, which policies read as `aws:PrincipalTag/…`. Sessions of IRSA have none, nor do
those of an association with `disable_session_tags`. IAM does not report a tag that is absent:

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

A variable with a default, `${aws:PrincipalTag/key, 'text'}`, is always fine, and so is a tag that the role itself has.

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
    """The sessions of a role, as far as principal tags in its policies are concerned."""

    untagged: str = ""
    """Why the sessions have no session tags; empty where EKS sets them."""
    fix: str = ""
    """What gives the sessions their tags; empty where nothing does."""
    role_tags: Iterable[str] | None = ()
    """The keys of the role's own tags; None where callers may set any session tag."""

    def has(self, key: str) -> bool:
        """Whether the sessions have this tag, as far as can be known."""
        own = self.role_tags
        if own is None and not _is_of_eks(key):
            return True
        return key.lower() in map(str.lower, own or ()) or (_is_of_eks(key) and not self.untagged)


@dataclass(frozen=True)
class Need:
    """A place in a policy that needs a tag which the sessions do not have."""

    input: str
    tag: str
    text: str
    """What is written there."""
    effect: str
    """What follows, as a clause."""
    is_variable: bool
    is_certain: bool = True
    """Whether the policy is wrong; otherwise the tag only does not restrict what it looks like it restricts."""

    def problem(self, session: Session) -> Problem:
        """The validation error, where the tag is one of EKS."""
        rule = f"must not need the session tag {self.tag}: {session.untagged}, so {self.effect}"
        return Problem(self.input, rule, self.text, self._fix(session))

    def warning(self, session: Session) -> str:
        """The same as a sentence."""
        if _is_of_eks(self.tag):
            return f"{self.input} needs the session tag {self.tag}: {session.untagged}, so {self.effect}"
        near = get_close_matches(self.tag.lower(), TAGS, n=1, cutoff=0.8)
        meant = f"; did you mean {near[0]}?" if near else "; add it to tags, unless the provider's default tags have it"
        return (
            f"{self.input} needs the tag {self.tag}, which neither tags nor EKS sets: without it, {self.effect}{meant}"
        )

    def _fix(self, session: Session) -> str:
        ways = ["remove the condition"]
        if self.is_variable:
            ways = [f"write the value in place of the tag, or a default: ${{aws:PrincipalTag/{self.tag}, 'VALUE'}}"]
        return "; or ".join([*ways, *([session.fix] if session.fix else [])])


def needs_of_document(text: str | Mapping[str, Any], session: Session) -> list[Need]:
    """What a policy document, as JSON or a mapping, needs and `session` lacks; inputs are paths in the document."""
    document = json.loads(text) if isinstance(text, str) else text
    found = document.get("Statement", [])
    many = isinstance(found, list)
    needs: list[Need] = []
    for index, statement in enumerate(found if many else [found]):
        if isinstance(statement, Mapping):
            needs += _needs(_of_document(statement, f"Statement[{index}]" if many else "Statement"), session)
    return needs


def needs_of_statements(statements: Sequence[Mapping[str, Any]], session: Session) -> list[Need]:
    """The same for statements as they are written in args. What is not known yet is left out."""
    needs: list[Need] = []
    for index, given in enumerate(statements):
        needs += _needs(_of_args(given, f"statements[{index}]"), session)
    return needs


def split(needs: Iterable[Need], session: Session, under: str = "") -> tuple[list[Problem], list[str]]:
    """The validation errors and the warnings that these make, `under` being the input that holds the policy."""
    problems, warnings = [], []
    for need in needs:
        if need.is_certain and _is_of_eks(need.tag):
            problems.append(need.problem(session).under(under))
        else:
            warnings.append(f"{under}{'.' if under else ''}{need.warning(session)}")
    return problems, warnings


@dataclass(frozen=True)
class _Condition:
    path: str
    test: str
    key: str
    values: list[tuple[str, str]]
    """Path and text of each."""


@dataclass(frozen=True)
class _Statement:
    is_deny: bool
    resources: list[tuple[str, str]]
    not_resources: list[tuple[str, str]]
    conditions: list[_Condition]


def _needs(statement: _Statement, session: Session) -> list[Need]:
    asked = [(condition, tag) for condition in statement.conditions if (tag := _tag_of(condition.key)) is not None]
    if statement.is_deny and any(_requires_key(condition) and not session.has(tag) for condition, tag in asked):
        return []  # it says itself that it is for sessions with the tag alone
    never = "the Deny never applies" if statement.is_deny else "AWS denies what the statement allows"
    unexcluded = "the Deny applies to this as well" if statement.is_deny else "the statement allows this as well"
    needs = [*_variables(statement.resources, never), *_variables(statement.not_resources, unexcluded)]
    for condition, tag in asked:
        if (effect := _effect_of_key(condition, never, is_deny=statement.is_deny)) is not None:
            unrestricted = not statement.is_deny and is_negated(condition.test)
            needs.append(
                Need(condition.path, tag, condition.key, effect, is_variable=False, is_certain=not unrestricted)
            )
    for condition in statement.conditions:
        if not condition.test.endswith("Null"):
            needs += _variables(condition.values, unexcluded if is_negated(condition.test) else never)
    return [need for need in needs if not session.has(need.tag)]


def _effect_of_key(condition: _Condition, never: str, *, is_deny: bool) -> str | None:
    """What a condition on a key without value does; None where that is as intended, or the condition is not known."""
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


def _variables(places: Iterable[tuple[str, str]], effect: str) -> Iterator[Need]:
    for path, text in places:
        for tag in dict.fromkeys(_VARIABLE.findall(text)):
            yield Need(path, tag, text, effect, is_variable=True)


def _tag_of(key: str) -> str | None:
    return key[len(_KEY) :] if key.lower().startswith(_KEY) else None


def _is_of_eks(key: str) -> bool:
    return key.lower() in TAGS


def _of_args(given: Mapping[str, Any], path: str) -> _Statement:
    conditions = [
        _Condition(
            f"{path}.conditions[{index}].variable",
            condition["test"],
            condition["variable"],
            _places(condition["values"], f"{path}.conditions[{index}].values"),
        )
        for index, condition in enumerate(given.get("conditions", ()))
    ]
    resources = _places(given["resources"], f"{path}.resources")
    return _Statement(given.get("effect", "Allow") == "Deny", resources, [], conditions)


def _of_document(given: Mapping[str, Any], path: str) -> _Statement:
    conditions = []
    blocks = given.get("Condition")
    for test, keys in blocks.items() if isinstance(blocks, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            where = f"{path}.Condition.{test}.{key}"
            conditions.append(_Condition(where, test, key, _places(values, where)))
    return _Statement(
        given.get("Effect") == "Deny",
        _places(given.get("Resource", []), f"{path}.Resource"),
        _places(given.get("NotResource", []), f"{path}.NotResource"),
        conditions,
    )


def _places(values: Any, path: str) -> list[tuple[str, str]]:
    """Path and text of each value that is known."""
    if not isinstance(values, list | tuple):
        values, paths = [values], [path]
    else:
        paths = [f"{path}[{index}]" for index in range(len(values))]
    texts = [str(value).lower() if isinstance(value, bool) else value for value in values]
    return [(where, text) for where, text in zip(paths, texts, strict=True) if isinstance(text, str)]
