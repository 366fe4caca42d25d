"""The gate of an update without a review: changes of access that need an approval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from eks_pipeline.errors import ApprovalRequiredError, UsageError
from eks_pipeline.review.access import digest
from eks_pipeline.review.stack_preview import ClusterAccess, StackPreview


class Category(StrEnum):
    """Categories of changes of access."""

    BROADENED = "broadened"
    """A subject gains permissions, or more principals may assume a role."""
    NARROWED = "narrowed"
    """A subject loses permissions or all access, or fewer principals may assume a role."""
    LOCKOUT = "lockout"
    """The last administrator or nodes lose access."""
    ESCALATION = "escalation"
    """A new path to more permissions."""
    NOT_EVALUATED = "not-evaluated"
    """A part of the change of access could not be evaluated."""


def parse_categories(text: str) -> tuple[Category, ...]:
    """Return the categories of `--require-approval`; raise `UsageError` for other text, and for none.

    An empty list, such as that of an unset variable of CI, would be no gate at all.
    """
    try:
        return tuple(Category(part.strip()) for part in text.split(","))
    except ValueError:
        listed = ", ".join(Category)
        rule = f"--require-approval {text!r} must be a list of {listed}, separated by commas"
        raise UsageError(f"{rule}\n  fix: pass --require-approval broadened,lockout,escalation") from None


def require_approval(preview: StackPreview, categories: Iterable[str], approved: Sequence[str]) -> None:
    """Raise `ApprovalRequiredError` if the change of access is of a category and its digest is not approved.

    A change that could not be evaluated at all may be of any category.
    """
    required = {Category(each) for each in categories}
    reasons = [text for access in preview.access for category, text in _found(access) if category in required]
    if any(access.difference is None for access in preview.access) and required:
        reasons += [f"not evaluated: {each.not_evaluated}" for each in preview.access if each.difference is None]
    approval = digest(preview.access)
    if not reasons or approval in approved:
        return
    listed = "".join(f"\n  {reason}" for reason in dict.fromkeys(reasons))
    raise ApprovalRequiredError(
        f"the change of access of stack {preview.stack!r} needs an approval; nothing was changed:{listed}\n"
        f"  fix: review it, then run again with --approve {approval}, or with --reviewed FILE"
    )


def _found(access: ClusterAccess) -> Iterable[tuple[Category, str]]:
    found = access.difference
    if found is None:
        return
    for change in found.changes:
        if change.is_broadened or (change.has_access and not change.had_access):
            words = "; ".join(change.gains) or "access"
            yield Category.BROADENED, f"broadened: {change.subject} gains {words}"
        if change.losses or (change.had_access and not change.has_access):
            words = "; ".join(change.losses) or "access"
            yield Category.NARROWED, f"narrowed: {change.subject} loses {words}"
    for lockout in found.lockouts:
        yield Category.LOCKOUT, f"lockout: {lockout.subject}: {lockout.says}"
    for path in found.escalations:
        yield Category.ESCALATION, f"escalation: {path.subject} → {path.reaches}"
    for each in found.not_evaluated:
        yield Category.NOT_EVALUATED, f"not evaluated: {each}"
