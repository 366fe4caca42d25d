"""The plugin, where Pulumi runs this folder: the same that `pulumi-resource-eks-identity` is once it is installed."""

from eks_identity.hosting.main import main

if __name__ == "__main__":
    main()
