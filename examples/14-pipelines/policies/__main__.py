"""The policy pack of the pipeline: `eks-pipeline preview --policy-pack policies`."""

from eks_policies import run_policy_pack

run_policy_pack()
