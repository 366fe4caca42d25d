import os
import shutil

import pytest
from component_folder import COMPONENTS, copied, outside

REPOSITORY = COMPONENTS.parent


@pytest.fixture
def repository(tmp_path):
    """A copy of what the example needs: Pulumi and npm write into its folder, and into that of the components."""
    copied(tmp_path)
    shutil.copytree(
        REPOSITORY / "examples" / "09-typescript",
        tmp_path / "examples" / "09-typescript",
        ignore=shutil.ignore_patterns("node_modules", "sdks"),
    )
    return tmp_path


def test_typescript(play, repository, running_lab):
    """The package is added and the program deployed as the README says; once destroyed, nothing is left."""
    shell = outside(repository)
    shell |= {"EKS_LAB": running_lab.name, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), shell["PYTHONPATH"]])}
    play("09-typescript", shell=shell)
