"""Repair of a trust policy for one STS call: the smallest change of one statement, and the faults that it corrects.

Each Allow statement that was meant for the call is repaired on a copy. The statement with the fewest faults is the
broken one. If none was meant for the call, a statement is added. Everything else in the document stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, FindingKind, Link
from eks_access.questions.workloads import policy_commands
from eks_access.questions.workloads.policy_commands import one_or_many, statements_of, values, with_statement
from eks_access.questions.workloads.sts_calls import StsCall
from eks_identity.evaluation.iam import Answer, Condition, Document, Reason, Truth, matches
from eks_identity.evaluation.iam.conditions import NotEvaluatedError, evaluate_condition
from eks_identity.model.statements import is_negated

_MAX_FAULTS = 12


@dataclass(frozen=True)
class Fault:
    """A wrong string of a trust policy."""

    kind: FindingKind
    says: str
    should_say: str
    serves_others: bool = False
    """Whether the present string is right for other callers: another statement is more probably the broken one."""


@dataclass
class Draft:
    """A copy of a statement that is repaired in steps."""

    statement: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, statement: Mapping[str, Any]) -> Draft:
        return cls(copy.deepcopy(dict(statement)))

    def report(self, kind: FindingKind, says: str, should_say: str, *, serves_others: bool = False) -> None:
        self.faults.append(Fault(kind, says, should_say, serves_others))

    def principals(self, kind: str) -> list[str]:
        """Return the values of one kind of principal."""
        element = self.statement.get("Principal", {})
        return values(element[kind]) if isinstance(element, Mapping) and kind in element else []

    def set_principals(self, kind: str, names: list[str]) -> None:
        """Replace the values of one kind of principal, and principals of other kinds if the draft has none of it."""
        element = self.statement.get("Principal")
        others = element if isinstance(element, Mapping) and kind in element else {}
        self.statement["Principal"] = {**others, kind: one_or_many(names)}

    @property
    def actions(self) -> list[str]:
        return values(self.statement.get("Action", []))

    def allows(self, action: str) -> bool:
        return any(matches(pattern, action, ignore_case=True) for pattern in self.actions)

    def conditions(self) -> Iterator[Condition]:
        for operator, keys in self.statement.get("Condition", {}).items():
            for key, expected in keys.items():
                yield Condition(operator, key, tuple(values(expected)))

    def has_condition(self, key: str) -> bool:
        return any(condition.key.lower() == key.lower() for condition in self.conditions())

    def replace(self, old: Condition, *new: Condition) -> None:
        """Replace a condition in its place; without `new`, remove it."""
        block: dict[str, dict[str, Any]] = {}
        for condition in self.conditions():
            for each in new if condition == old else (condition,):
                block.setdefault(each.operator, {})[each.key] = one_or_many(each.values)
        self.statement["Condition"] = block
        if not block:
            del self.statement["Condition"]


Repair = Callable[[Draft], bool]
"""Repairs a draft, and returns False if its statement was not meant for the call."""
ConditionRepair = Callable[[Draft, Condition], bool]
"""Repairs a condition that does not hold; returns False if it has no better repair than the general one."""


def trust_link(name: str, call: StsCall, trust: Document, repair: Repair, missing: Callable[[], Fault]) -> Link:
    """Return whether a trust policy allows the call, with the command that repairs it.

    `missing` returns the fault of a policy without a statement that was meant for the call.
    """
    decision = call.evaluate(trust)
    if decision.answer is Answer.ALLOWED:
        return Link.holds(name, f"allows {' and '.join(call.actions)} to {call.element[1]}")
    if decision.answer is not Answer.DENIED:
        return Link.not_evaluated(name, str(decision))
    document, faults = repair_document(call, trust, repair, missing)
    says, should_say = (
        "; ".join(dict.fromkeys(texts)) for texts in zip(*((f.says, f.should_say) for f in faults), strict=True)
    )
    fix = policy_commands.update_trust(call.role_arn, document)
    return Link.broken(name, Finding(faults[0].kind, f"trust policy of {call.role_arn}", says, should_say, fix))


def repair_document(
    call: StsCall, trust: Document, repair: Repair, missing: Callable[[], Fault]
) -> tuple[Document, list[Fault]]:
    """Return a document that allows the call, and the faults of the present one."""
    document, faults = _without_denies(call, trust)
    if faults and call.is_allowed(document):
        return document, faults
    candidates = []
    for index, statement in enumerate(statements_of(document)):
        draft = Draft.of(statement)
        if statement.get("Effect") == "Allow" and repair(draft) and draft.faults:
            changed = with_statement(document, index, draft.statement)
            if call.is_allowed(changed):
                candidates.append((changed, draft.faults))
    if candidates:
        changed, probable = min(candidates, key=lambda candidate: _likelihood(candidate[1]))
        return changed, [*faults, *probable]
    return with_statement(document, -1, call.new_statement()), [*faults, missing()]


def _likelihood(faults: Sequence[Fault]) -> tuple[int, int]:
    """Return the rank of a statement with these faults among those that may be the broken one; the least is it."""
    return len(faults), sum(fault.serves_others for fault in faults)


def _without_denies(call: StsCall, trust: Document) -> tuple[Document, list[Fault]]:
    document, faults = trust, []
    while (decision := call.evaluate(document)).reason is Reason.EXPLICIT_DENY:
        index = decision.statements[0].index
        denied = statements_of(document)[index]
        says = f"Deny statement {denied.get('Sid') or index} applies to {call.element[1]}"
        faults.append(Fault(kinds.TRUST_DENY, says, "no Deny that applies to it"))
        document = with_statement(document, index)
    return document, faults


def repair_actions(draft: Draft, call: StsCall, missing: Mapping[str, FindingKind]) -> None:
    """Add the actions that a statement lacks; `missing` has the kinds of faults."""
    lacking = [action for action in call.actions if not draft.allows(action)]
    if not lacking:
        return
    allowed = ", ".join(draft.actions) or "no Action"
    for action in lacking:
        draft.report(missing.get(action, kinds.TRUST_ACTION), f"allows {allowed}", f"allows {action}")
    is_for_call = any(draft.allows(action) for action in call.actions)
    remaining = [action for action in draft.actions if is_for_call or action.lower() == "sts:tagsession"]
    draft.statement["Action"] = one_or_many([*remaining, *lacking])


def repair_conditions(draft: Draft, call: StsCall, repair: ConditionRepair) -> None:
    """Repair the conditions that do not hold in a call, one after the other."""
    for _ in range(_MAX_FAULTS):
        failing = next((each for each in draft.conditions() if not _may_hold(each, call)), None)
        if failing is None:
            return
        if not repair(draft, failing):
            _repair_value(draft, failing, call)


def _may_hold(condition: Condition, call: StsCall) -> bool:
    try:
        return evaluate_condition(condition, call.context) is not Truth.NO
    except NotEvaluatedError:
        return True


def _repair_value(draft: Draft, condition: Condition, call: StsCall) -> None:
    """Write the value of the key in the call; remove a condition on a key without value."""
    actual = call.context.get(condition.key) or ()
    says = f"{condition.operator} {condition.key} {', '.join(condition.values)}"
    if not actual:
        draft.report(
            kinds.TRUST_CONDITION_KEY, says, f"no condition on {condition.key}, which has no value in this call"
        )
        draft.replace(condition)
    elif is_negated(condition.operator) or not condition.operator.rpartition(":")[2].startswith(("String", "Arn")):
        draft.report(kinds.TRUST_CONDITION_VALUE, says, f"no such condition: {condition.key} is {actual[0]}")
        draft.replace(condition)
    else:
        draft.report(kinds.TRUST_CONDITION_VALUE, says, f"{condition.operator} {condition.key} {actual[0]}")
        draft.replace(condition, replace(condition, values=merge_values(condition.values, actual[0])))


def merge_values(present: tuple[str, ...], actual: str, keep: Callable[[str], bool] | None = None) -> tuple[str, ...]:
    """Return the values of a condition with `actual`. Values that may serve other callers stay.

    `keep` returns whether a value does; without it, the values of a list do, and a single value is taken for the wrong
    one.
    """
    remaining: Iterable[str] = filter(keep, present) if keep else present if len(present) > 1 else ()
    return (*remaining, actual)
