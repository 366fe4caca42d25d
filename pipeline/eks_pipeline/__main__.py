"""Entry point of `python -m eks_pipeline`."""

from eks_pipeline.cli import main

if __name__ == "__main__":
    main()
