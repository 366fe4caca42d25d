"""Checks of settings files before the engine reads them."""

import pytest

from eks_pipeline.errors import SettingsFileError
from eks_pipeline.fleet.settings_file import check

TAB = "config:\n  tiny:a: 1\n\ttiny:b: 2\n"
DUPLICATES = "config:\n  tiny:a:\n    b: 1\n    b: 2\n  tiny:a: {}\n"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (TAB, ["line 3: found character '\\t'", "indent with spaces"]),
        (
            DUPLICATES,
            [
                "line 4: 'b' must be unique, line 3 has it too",
                "line 5: 'tiny:a' must be unique, line 2 has it too",
            ],
        ),
        ("config:\n  tiny:a: [1\n", ["line 3: expected ',' or ']'"]),
        ("config: 3\n", ["line 1: config must be a map of settings by name"]),
        ("config:\n  - tiny:a: 1\n", ["line 2: config must be a map of settings by name"]),
    ],
)
def test_settings_file_errors_have_file_line_and_fix(tmp_path, text, messages):
    """Errors for tabs, duplicate keys and a `config` that is not a map have file, line and fix."""
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(text)
    with pytest.raises(SettingsFileError) as error:
        check(file)
    for message in messages:
        assert message in str(error.value)
    assert str(error.value).count("Pulumi.test.yaml, line ") == str(error.value).count("fix: ")


@pytest.mark.parametrize("text", ["", "config:\n", "config: {}\n", "# nothing\n", "config:\n  tiny:a: {b: 1}\n"])
def test_settings_file_without_settings_is_valid(tmp_path, text):
    """An empty file, an empty `config` and nested settings are valid."""
    (tmp_path / "Pulumi.test.yaml").write_text(text)
    check(tmp_path / "Pulumi.test.yaml")


def test_settings_file_errors_end_the_pipeline_before_the_engine(runner):
    """The pipeline exits with code 2 for errors in the stack's file and in a `--config-file`."""
    file = runner.project / "Pulumi.test.yaml"
    other = runner.project / "other.yaml"
    other.write_text(TAB)
    result = runner("preview", "--stack", "test", "--config-file", str(other))
    assert (result.returncode, "error: other.yaml, line 3" in result.stderr) == (2, True)
    file.write_text(DUPLICATES)
    result = runner("preview", "--stack", "test")
    assert (result.returncode, "error: Pulumi.test.yaml, line 4" in result.stderr) == (2, True)
