"""Fixes that other tests follow."""

_COMPONENTS, _LAB = "tests/components/test_components_", "tests/lab/library/test_"
_PROGRAM, _PROVIDER = "tests/components/test_program_fixes.py", "tests/components/test_provider_fixes.py"
_DOCUMENT = "tests/model/test_model_aws_auth_fixes.py"
_INTENDED_KEY = ("tests/model/test_model_trust_conditions.py", "test_trust_condition_fix_names_intended_key")
_TWICE = (_PROGRAM, "test_fix_for_an_object_in_two_declarations_works")
_AWS_AUTH = (_DOCUMENT, "test_aws_auth_fix_of_an_existing_entry_works")
ELSEWHERE: dict[str, tuple[str, str]] = {
    "move .* into the mapping": (
        "tests/components/test_call_styles.py",
        "test_mapping_and_keyword_arguments_together_are_rejected",
    ),
    "write it with fewer levels": (
        "tests/components/test_plugin_messages.py",
        "test_deeply_nested_inputs_are_rejected",
    ),
    "pass pulumi.Output.unsecret(": (
        f"{_COMPONENTS}children.py",
        "test_secret_in_a_logical_name_is_rejected",
    ),
    "declare the node role with type ": (
        "tests/components/test_cluster_access_args.py",
        "test_fix_for_a_node_role_works",
    ),
    "create it again without immutable": (
        f"{_LAB}aws_auth_mapping.py",
        "test_immutable_config_map_is_rejected_at_preview_with_a_fix",
    ),
    "the creator's entry exists once the cluster does": (
        "tests/components/test_access_duplicates.py",
        "test_creator_of_a_new_cluster_needs_adopt",
    ),
    "remove create.access_entries..*": (
        "tests/components/test_access_duplicates.py",
        "test_access_entry_of_pulumi_eks_is_rejected_beside_cluster_access",
    ),
    "write the text itself": (
        f"{_COMPONENTS}mistakes.py",
        "test_output_in_an_f_string_is_explained_for_every_text_input",
    ),
    "is that Output": (f"{_COMPONENTS}mistakes.py", "test_expressions_of_the_fixes_are_accepted"),
    "read it with pulumi.Config": (f"{_COMPONENTS}mistakes.py", "test_value_of_another_type_is_explained"),
    "pass one of .*": (f"{_COMPONENTS}roles.py", "test_arn_for_rejects_a_provider_that_the_role_does_not_trust"),
    "to adopt that entry; if this declaration created it under another name": (
        f"{_LAB}aws_auth_mapping.py",
        "test_aws_auth_mapping_adopts_an_existing_entry",
    ),
    "set adopt to True: the existing entry is adopted": (
        f"{_LAB}cluster_access.py",
        "test_entry_of_the_cluster_creator_is_adopted",
    ),
    "set adopt to True: the provider is then used": (
        "tests/components/test_cluster_and_oidc_provider.py",
        "test_adopted_oidc_provider_is_looked_up_and_not_registered",
    ),
    "set service_account_management to adopt": (
        f"{_LAB}found_in_the_preview.py",
        "test_existing_service_account_is_rejected_at_preview",
    ),
    "set keep_pod_identity to True": (
        f"{_LAB}workload_switch.py",
        "test_change_to_irsa_annotates_before_it_deletes_the_association",
    ),
    "remove the principal in an update of its own": (
        f"{_LAB}handovers.py",
        "test_adoption_by_another_component_in_one_update_is_rejected",
    ),
    "remove the old one from the state": (f"{_LAB}handovers.py", "test_renamed_entry_is_not_deleted"),
    "`aws iam list-policies --scope AWS`": (
        f"{_LAB}workload_many.py",
        "test_unknown_managed_policy_is_rejected_at_preview",
    ),
    'add "groups": [.*] to .*, and remove .*, whose list of principals may be empty; a principal that needs the access '
    "policies of both: .*": (
        "tests/components/test_access_duplicates.py",
        "test_fix_for_a_principal_in_two_declarations_gives_it_both_groups",
    ),
    "declare it in a ClusterAccess of its own": (
        "tests/components/test_access_duplicates.py",
        "test_fix_for_a_principal_with_two_access_policies_is_one_declaration",
    ),
    "remove .*: .* creates the access entry": (
        "tests/components/test_access_duplicates.py",
        "test_access_entry_of_pulumi_eks_is_rejected_beside_cluster_access",
    ),
    "adopt it, so that its pods keep a role": (
        f"{_LAB}found_in_the_preview.py",
        "test_existing_association_is_adopted_by_the_import_command_of_the_fix",
    ),
    "which owns it: set mode to pod-identity and role_arn of its Addon": (
        f"{_COMPONENTS}service_account_preflight.py",
        "test_existing_association_of_an_addon_is_changed_through_the_addon",
    ),
    "write .*IfExists, which holds if the key has no value; or remove the condition": (
        f"{_COMPONENTS}session_tags.py",
        "test_role_with_both_modes_accepts_a_condition_for_one_mode",
    ),
    "write aws:RequestTag/.*; or remove the condition": _INTENDED_KEY,
    "did you mean .*? or remove the condition": _INTENDED_KEY,
    # two declarations, names of components
    'remove it from AwsAuthMapping ".*" or from AwsAuthMapping ".*"': _TWICE,
    "set another name, or remove it from .* or from .*": _TWICE,
    "remove it from .* or from .*": _TWICE,
    "remove it, and use that of .*": (_PROGRAM, "test_fix_for_two_oidc_providers_of_an_issuer_works"),
    "set role_name": (_PROGRAM, "test_fix_for_a_component_name_that_is_no_role_name_works"),
    "pass the provider of that cluster: .*; where a proxy with an authority of its own leads to it, set "
    "cluster.kubeconfig to the provider's kubeconfig": (
        "tests/components/test_contract_places.py",
        "test_kubeconfig_of_the_connection_is_accepted",
    ),
    # states of the cluster
    "set another .*; or delete the existing one first: `kubectl delete .* .*.*`": (
        "tests/components/test_access_preflight.py",
        "test_fixes_for_an_existing_rbac_object_work",
    ),
    "pass another principal; nodes need that entry": (_PROVIDER, "test_fix_for_an_access_entry_of_nodes_works"),
    "remove adopt, and declare the principals to adopt": (
        _PROVIDER,
        "test_fix_for_the_adoption_of_own_entries_works",
    ),
    "run this as another administrator": (_PROVIDER, "test_fixes_for_a_lockout_of_the_caller_work"),
    "grant another principal one of these first": (
        _PROVIDER,
        "test_fixes_for_the_removal_of_the_last_administrator_work",
    ),
    ".*; or add the principals that may lose access to .*.*": (_PROVIDER, "test_fixes_for_unreadable_access_work"),
    "set target_mode to .*, or remove the migration; its deletion changes nothing": (
        _PROVIDER,
        "test_fixes_for_an_earlier_mode_of_a_migration_work",
    ),
    ".*add .* to accept_loss_of": (_PROVIDER, "test_fixes_for_lost_access_of_a_migration_work"),
    "write .* in aws-auth, or create an access entry for its principal": (
        "tests/model/test_model_migration.py",
        "test_migration_fixes_of_an_entry_without_equivalent_work",
    ),
    "correct the name; create it first, with the resource that creates it in opts.depends_on": (
        "tests/lab/library/test_service_accounts.py",
        "test_fixes_of_a_missing_adopted_service_account_work",
    ),
    # aws-auth
    "move the entries into the first: `kubectl": _AWS_AUTH,
    "correct it: `kubectl": _AWS_AUTH,
    "remove one of the two: `kubectl": _AWS_AUTH,
    "write the username, in quotes: `kubectl": _AWS_AUTH,
    "write it, or remove the entry: `kubectl": _AWS_AUTH,
    "write .*: `kubectl -n kube-system edit configmap aws-auth`": (
        _DOCUMENT,
        "test_aws_auth_fix_of_a_path_in_a_role_arn_works",
    ),
    "keep only one of the entries: .*": (_DOCUMENT, "test_aws_auth_fix_of_repeated_entries_works"),
    "declare another principal, or a type that gives nodes the username and groups of .*": (
        _DOCUMENT,
        "test_aws_auth_fix_of_a_mapping_in_place_of_a_node_entry_works",
    ),
    # rules that no component breaks
    "use a second role, or name fewer resources": (
        "tests/model/test_model_policy_templates.py",
        "test_policy_templates_together_fit_quota_of_a_role",
    ),
    "write system:serviceaccount:default:my-sa": ("tests/model/test_model_trust.py", "test_subject_rejects_other_text"),
}
"""Fixes that other tests follow: a part of the text, or all of it; and the test's file and name."""
