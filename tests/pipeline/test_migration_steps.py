"""The steps of a migration, from the settings of a stack and the modes of its clusters."""

from eks_access.questions.changes import Change, System
from eks_access.questions.cluster_subjects import SubjectKind
from eks_access.questions.diff import Difference
from eks_pipeline.fleet.migration_steps import Migration, access_by_both, steps
from eks_pipeline.review.losses import losses
from support.stack_previews import OPERATOR, access, gains, lockout, loses

CONFIG = {
    "eks-identity:clusters": {
        "old": {},
        "renamed": {"name": "both"},
        "new": {"create": {"version": "1.33"}},
        "network": {"stack": "network"},
    },
    "eks-identity:workloads": {"app": {"mode": "irsa"}, "job": {"mode": "pod-identity"}, "none": {"mode": "none"}},
}
MODES = {"old": "CONFIG_MAP", "both": "API_AND_CONFIG_MAP", "new": "CONFIG_MAP"}


def values(migration, config=CONFIG):
    return [dict(step.values) for step in steps(migration, config, MODES)]


def test_authentication_mode_changes_in_steps_that_the_cluster_has_not_taken():
    """The cluster of another stack migrates with that stack. A created cluster's own settings change afterwards."""
    prefix = "eks-identity:clusters"
    assert values(Migration(authentication_mode="API")) == [
        {f"{prefix}.{key}.migration.target_mode": "API_AND_CONFIG_MAP" for key in ("old", "renamed", "new")},
        {f"{prefix}.new.create.authentication_mode": "API_AND_CONFIG_MAP"},
        {f"{prefix}.{key}.migration.target_mode": "API" for key in ("old", "renamed", "new")},
        {f"{prefix}.new.create.authentication_mode": "API"},
    ]


def resource(kind, parent):
    return {"urn": f"urn:pulumi:dev::shop::{kind}::x", "type": kind, "parent": f"urn:pulumi:dev::shop::{parent}"}


def test_access_by_both_methods_keeps_its_access_entries_before_the_mode_api():
    """Only what has mappings and entries in the state: without entries, somebody would lose access."""
    mapping, entry = "pulumi-python:dynamic/eks-identity:AwsAuthMapping", "aws:eks/accessEntry:AccessEntry"
    component = "eks-identity:index:ClusterAccess"
    resources = [resource(mapping, f"{component}::{key}") for key in ("both", "mapped")]
    resources += [resource(entry, f"{component}::{key}") for key in ("both", "entries")]
    by_both = access_by_both({"deployment": {"resources": resources}})
    assert by_both == {"both"}
    config = {
        "eks-identity:clusters": {"dev": {}},
        "eks-identity:access": {"both": {"cluster": "dev"}, "mapped": {"cluster": "dev"}},
    }
    found = steps(Migration(authentication_mode="API"), config, {"dev": "API_AND_CONFIG_MAP"}, by_both)
    assert [dict(each.values) for each in found] == [
        {"eks-identity:clusters.dev.migration.target_mode": "API_AND_CONFIG_MAP"},
        {"eks-identity:access.both.access_method": "access-entry"},
        {"eks-identity:clusters.dev.migration.target_mode": "API"},
    ]
    assert len(steps(Migration(authentication_mode="API_AND_CONFIG_MAP"), config, {}, by_both)) == 1


def test_settings_that_lag_behind_the_cluster_are_written():
    """An update that was applied before its settings were written is repeated, and changes nothing."""
    lagging = {"eks-identity:clusters": {"old": {"migration": {"target_mode": "API_AND_CONFIG_MAP"}}, "api": {}}}
    found = steps(Migration(authentication_mode="API"), lagging, {"old": "API", "api": "API"})
    assert [dict(each.values) for each in found] == [{"eks-identity:clusters.old.migration.target_mode": "API"}]


def test_steps_that_change_no_setting_are_left_out():
    done = {"eks-identity:clusters": {"old": {"migration": {"target_mode": "API_AND_CONFIG_MAP"}}}}
    assert values(Migration(authentication_mode="API_AND_CONFIG_MAP"), done) == []


def test_steps_before_the_value_of_a_setting_are_done():
    """EKS rejects an earlier mode: a migration that is resumed must not go back."""
    migration = Migration(settings=("shop:mode=both", "shop:other=x", "shop:mode=api"))
    assert values(migration, {"shop:mode": "map"}) == [{"shop:mode": "both"}, {"shop:other": "x"}, {"shop:mode": "api"}]
    assert values(migration, {"shop:mode": "both"}) == [{"shop:other": "x"}, {"shop:mode": "api"}]
    assert values(migration, {"shop:mode": "api"}) == [{"shop:other": "x"}]


def test_workloads_change_in_one_step():
    assert values(Migration(workload_mode="pod-identity")) == [{"eks-identity:workloads.app.mode": "pod-identity"}]


def test_other_settings_are_changed_by_their_paths():
    config = {"shop:clusters": {"a": {"mode": "both"}, "b": {"mode": "api"}}, "shop:plain": "x"}
    migration = Migration(settings=("shop:clusters.*.mode=api", "shop:plain=y", "shop:more.deep=z"))
    assert values(migration, config) == [
        {"shop:clusters.a.mode": "api"},
        {"shop:plain": "y"},
        {"shop:more.deep": "z"},
    ]


def lost(*changes, **parts):
    return losses(access(*changes, **parts).difference)


def test_losses_name_subjects_that_lose_permissions_or_a_mapping():
    unmapped = Change(OPERATOR, SubjectKind.PRINCIPAL, System.KUBERNETES, has_access=False)
    assert lost(gains()) == []
    assert lost(loses()) == ["service account default/test-sa loses s3:Get*, s3:List* on *"]
    assert lost(unmapped) == [f"{OPERATOR} loses its access"]
    assert lost(lockouts=(lockout(),))[0].startswith("cluster eks-clu")


def test_losses_leave_out_trust_of_workloads_that_keep_their_permissions():
    """A workload that changes from IRSA to Pod Identity assumes its role in another way."""
    trust = Change(
        "role app", SubjectKind.PRINCIPAL, System.AWS, no_longer_trusts=("service account default/test-sa", "user bob")
    )
    assert lost(trust) == ["role app may no longer be assumed by user bob"]
    assert len(lost(trust, loses())) == 3


def test_losses_of_equal_access_are_none():
    assert losses(Difference("before", "after")) == []
