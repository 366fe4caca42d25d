"""Entry point if Pulumi runs this folder. The installed entry point is `pulumi-resource-eks-identity`."""

from eks_identity.plugin.main import main

if __name__ == "__main__":
    main()
