"""Preview, review, update and destroy one Pulumi stack or a fleet of them; the command is `eks-pipeline`."""
