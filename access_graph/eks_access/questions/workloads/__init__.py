"""Links of the chain of workload identity: pod, service account, role, trust policy, permissions."""
