"""An adoption as the settings of an environment: `Pulumi.<stack>.yaml` and the module `stacks/<stack>.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from eks_access.questions.adoption.declarations import (
    CLUSTER_ACCESS,
    OIDC_PROVIDER,
    WORKLOAD,
    Adoption,
    Declaration,
    Reference,
)

_HEADER = """\
# yaml-language-server: $schema=stacks/schema.json
# Identity of an existing EKS cluster, written by `eks-access adopt`. NOT_ADOPTED.md lists what it lacks.
"""
_MODULE = '''\
"""The adopted environment: its settings have no defaults that would change an existing object."""

from __future__ import annotations

from stacks.compose import declare_environment
from stacks.settings import EnvironmentProfile

PROFILE = EnvironmentProfile()


def compose() -> None:
    """Declare the resources of the environment."""
    declare_environment(PROFILE)
'''


def settings_file(adoption: Adoption, account: str, region: str) -> str:
    """Return the text of `Pulumi.<stack>.yaml`."""
    settings = {f"eks-identity:{name}": value for name, value in settings_of(adoption, account).items()}
    document = {"config": {"aws:region": region, **settings}}
    return _HEADER + yaml.safe_dump(document, sort_keys=False, width=110, allow_unicode=True)


def settings_of(adoption: Adoption, account: str) -> dict[str, Any]:
    """Return the settings of an environment by their names."""
    provider = next((each for each in adoption.declarations if each.component == OIDC_PROVIDER), None)
    option = {} if provider is None else {"oidc_provider": "adopt" if provider.args.get("adopt") else "create"}
    return {
        "account": account,
        "clusters": {adoption.cluster: option},
        "access": _entries(adoption, CLUSTER_ACCESS),
        "workloads": _entries(adoption, WORKLOAD),
    }


def stack_module() -> str:
    """Return the text of `stacks/<stack>.py`."""
    return _MODULE


def _entries(adoption: Adoption, component: str) -> dict[str, Any]:
    declarations = (each for each in adoption.declarations if each.component == component)
    return {each.name: {"cluster": adoption.cluster, **_plain(each)} for each in declarations}


def _plain(declaration: Declaration) -> Mapping[str, Any]:
    """Return the arguments of a component without the outputs of others, which settings connect themselves."""
    return {name: value for name, value in declaration.args.items() if not isinstance(value, Reference)}
