"""Identifiers of AWS in another form than the input takes: account ids, ARNs, names, issuers, permission sets."""

import re
from typing import Final

from eks_identity.errors import Problem
from eks_identity.model.identity_center import PATH_PREFIX
from eks_identity.runtime.mistakes.input_fields import RuleAndFix, is_json, keys_of, last_key

_SSO: Final = re.compile(r"AWSReservedSSO_([\w+=,.@-]+?)_?[*?]", re.ASCII)
_IAM_ARN: Final = re.compile(r"(arn:[\w-]+:(?:iam|sts)::)([\d-]+)(:.+)", re.DOTALL)
_ISSUER: Final = re.compile(r"(?:https://)?(oidc\.eks\.[\w-]+\.[\w.]+/id/\w+)/?")
_ACCOUNT_DIGITS: Final = 12
_LEAST_ACCOUNT_DIGITS: Final = 9
"""A number with fewer digits is unlikely to be an account id that lost its leading zeros."""


def account_id_as_number(problem: Problem) -> RuleAndFix | None:
    """Recognize an account id that lost its leading zeros or has dashes, by itself or in an ARN."""
    value = problem.value
    is_number = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    if last_key(problem.input) == "account_id" and is_number and not _is_account_id(value):
        digits = re.sub(r"[-\s]|\.0$", "", str(value))
        if digits.isdigit() and _LEAST_ACCOUNT_DIGITS <= len(digits) <= _ACCOUNT_DIGITS:
            rule = "must be a string of twelve digits: a number loses its leading zeros (AWS account id)"
            return rule, f'write "{digits.zfill(_ACCOUNT_DIGITS)}", in quotes'
    match = _IAM_ARN.fullmatch(value) if isinstance(value, str) else None
    if match and not _is_account_id(match[2]):
        digits = match[2].replace("-", "")
        rule = f"must have an account id of twelve digits, and has {match[2]}: a number loses its leading zeros"
        if _LEAST_ACCOUNT_DIGITS <= len(digits) <= _ACCOUNT_DIGITS:
            return rule, f"write {match[1]}{digits.zfill(_ACCOUNT_DIGITS)}{match[3]}, with the account id as a string"
        return rule, "write the account id as a string of twelve digits: `aws sts get-caller-identity` shows yours"
    return None


def _is_account_id(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{12}", value) is not None


def wildcard_permission_set(problem: Problem) -> RuleAndFix | None:
    """Recognize the role of a permission set with a wildcard in its name."""
    value = problem.value
    match = _SSO.search(value) if isinstance(value, str) else None
    if match is None:
        return None
    rule = "must name one role: neither EKS nor IAM matches wildcards in the ARN of a principal"
    if "principals" in keys_of(problem.input):
        return rule, f'write "permission_set": "{match[1]}" in place of arn; its role is looked up in IAM'
    command = f"`aws iam list-roles --path-prefix {PATH_PREFIX} --query Roles[].Arn`"
    return rule, f"write the complete ARN of the role AWSReservedSSO_{match[1]}_…, which {command} shows"


def issuer_or_provider(problem: Problem) -> RuleAndFix | None:
    """Recognize an issuer in place of the ARN of its IAM OIDC provider, and the reverse."""
    value, key = problem.value, last_key(problem.input)
    if not isinstance(value, str):
        return None
    match = _ISSUER.fullmatch(value.strip())
    if match and "oidc_provider" in key:
        rule = "must be the ARN of the IAM OIDC provider, not the URL of the issuer"
        command = "`aws iam list-open-id-connect-providers`"
        return rule, f"pass OidcProvider.arn; {command} shows the ARN that ends in oidc-provider/{match[1]}"
    provider = value.partition(":oidc-provider/")[2]
    if provider and key == "issuer":
        return "must be the URL of the issuer, not the ARN of its IAM OIDC provider", f"write https://{provider}"
    return None


def surrounding_characters(problem: Problem) -> RuleAndFix | None:
    """Recognize spaces, line ends or quotes around a value, as text of a file, a command or JSON has them."""
    value = problem.value
    if not isinstance(value, str) or is_json(problem) or problem.input.startswith("opts."):
        return None
    inner = value.strip().strip("\"'").strip()
    if not inner or inner == value:
        return None
    return (
        "must have no spaces, line ends or quotes around it",
        f"write {inner!r}; call .strip() on text that comes from a file or a command",
    )


def name_for_arn(problem: Problem) -> RuleAndFix | None:
    """Recognize the name of a role in place of its ARN."""
    value = problem.value
    is_name = isinstance(value, str) and re.fullmatch(r"[\w+=,.@-]{1,64}", value, re.ASCII)
    role_inputs = {"role_arn", "target_role_arn", "trusted_role_arns", "assume_role_arns"}
    if not is_name or last_key(problem.input) not in role_inputs:
        return None
    command = f"`aws iam get-role --role-name {value} --query Role.Arn --output text`"
    return "must be the ARN of an IAM role, not its name", f"pass role.arn, or the ARN that {command} prints"


def arn_for_name(problem: Problem) -> RuleAndFix | None:
    """Recognize an ARN in place of a name."""
    value = problem.value
    if not isinstance(value, str) or not value.startswith("arn:") or not last_key(problem.input).endswith("name"):
        return None
    return "must be a name, not an ARN", f"write {value.rpartition('/')[2]}"
