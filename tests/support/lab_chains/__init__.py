"""Chains of both kinds on a lab, which breaks and the fixes of `eks-access` change as a user of AWS would."""
