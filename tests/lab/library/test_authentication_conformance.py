"""The evaluation of access entries, aws-auth and authentication modes compared with aws-iam-authenticator.

Each run has its own seed, which pytest's header shows. `EKS_IDENTITY_CONFORMANCE_SEED` repeats a run, and
`EKS_IDENTITY_CONFORMANCE_CASES` sets twice the number of configurations: `make conformance` reads many.
docs/conformance.md has what such a run found.

The lab gives access entries to the authenticator in its dynamic file, as EKS does: the file maps by unique id, and its
backend precedes that of aws-auth (`lab.cluster.authenticator_files`).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from eks_access.graph.aws_objects import IamPrincipal
from eks_identity.evaluation.cluster_rights import ClusterState
from eks_identity.model import arns
from eks_identity.model.existing_entries import ExistingEntry
from lab.interfaces import AccessEntry, AuthenticationMode, ClusterIdentity
from support.access_graphs import CREATED, LATER, Objects
from support.lone_authenticator import LoneAuthenticator, Principal, User
from support.random_access import ROLES, USERS, RandomAccess

CASES = int(os.environ.get("EKS_IDENTITY_CONFORMANCE_CASES", "300")) // 2
SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])
QUESTIONS = 4
"""Principals whose user is compared, of each configuration."""
EARLIER = CREATED.replace(year=CREATED.year - 1)


@dataclass(frozen=True)
class Configuration:
    """The access configuration of a cluster."""

    mode: AuthenticationMode
    entries: tuple[AccessEntry, ...]
    aws_auth: dict[str, str]

    def state(self) -> ClusterState:
        """Return what the library evaluates. The entry of a former principal is older than the existing principal."""
        return Objects(
            mode=self.mode.value,
            principals={each.arn: IamPrincipal(each.arn, created_at=CREATED) for each in (*USERS, *ROLES)},
            entries={each.principal.arn: existing(each) for each in self.entries},
            aws_auth=self.aws_auth,
        ).graph().cluster_state()  # fmt: skip

    def write(self, authenticator: LoneAuthenticator) -> None:
        authenticator.apply(ClusterIdentity(self.mode, access_entries=self.entries))
        if self.mode is AuthenticationMode.API:
            authenticator.put(self.aws_auth)  # nothing shows that it is ignored but the principals that are asked
        else:
            authenticator.write(self.aws_auth)


def existing(entry: AccessEntry) -> ExistingEntry:
    created_at = EARLIER if entry.principal.unique_id == "FORMER" else LATER
    return ExistingEntry(entry.principal.arn, entry.username, entry.kubernetes_groups, created_at=created_at)


def configurations(random: Random) -> Iterator[Configuration]:
    """Yield configurations by mode, as a cluster changes it."""
    access = RandomAccess(random)
    for number in range(CASES):
        mode = list(AuthenticationMode)[number * 3 // CASES]
        yield Configuration(mode, tuple(access.entries()), access.aws_auth())


def evaluated(state: ClusterState, principal: Principal) -> User:
    user = state.user(arns.Principal.parse(principal.arn), principal.session)
    return None if user is None else (user.username, user.groups)


def choose_principals(configuration: Configuration, random: Random) -> list[Principal]:
    """Return principals to ask: of the configuration, and others."""
    texts = "".join([*configuration.aws_auth.values(), *(each.principal.arn for each in configuration.entries)]).lower()
    named = [each for each in (*USERS, *ROLES) if each.arn.rpartition("/")[2].lower() in texts]
    return random.sample(named, min(len(named), QUESTIONS - 1)) + random.sample((*USERS, *ROLES), 1)


def test_users_are_those_of_the_authenticator_in_every_mode(
    authenticator: LoneAuthenticator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usernames, groups and rejections by entry, mapping and account agree with the authenticator."""
    random = Random(SEED)  # noqa: S311 - documents, no secrets
    counts: Counter[str] = Counter()
    different = []
    for configuration in configurations(random):
        configuration.write(authenticator)
        state = configuration.state()
        counts.update(["configurations"])
        for principal in choose_principals(configuration, random):
            expected, found = authenticator.user(principal), evaluated(state, principal)
            counts.update([f"{configuration.mode} {'rejected' if expected is None else 'authenticated'}"])
            if found != expected:
                different.append(f"{principal}: {expected}, library {found}\n{configuration}")
    with capsys.disabled():
        totals = f"{dict(counts)}, {len(different)} differences"
        sys.stdout.write(f"\nauthentication conformance, seed {SEED}: {totals}\n")
    assert not different, "\n\n".join(different[:3])
    assert {f"{mode} {answer}" for mode in AuthenticationMode for answer in ("rejected", "authenticated")} < {*counts}
