"""Entry point of `python -m pipeline` in this repository: the command `eks-pipeline`."""

from eks_pipeline.cli import main

if __name__ == "__main__":
    main()
