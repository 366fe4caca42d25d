"""The plugin, where Pulumi runs this folder: the same that `pulumi-resource-eks-identity` is once it is installed."""

from eks_identity.plugin.main import main

if __name__ == "__main__":
    main()
