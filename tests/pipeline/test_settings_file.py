"""A settings file that the engine would not read, or not as it was meant."""

import pytest

from pipeline.errors import SettingsFileError
from pipeline.settings_file import check

TAB = "config:\n  tiny:a: 1\n\ttiny:b: 2\n"
TWICE = "config:\n  tiny:a:\n    b: 1\n    b: 2\n  tiny:a: {}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TAB, ["line 3: found character '\\t'", "indent with spaces"]),
        (TWICE, ["line 4: 'b' stands in line 3 already", "line 5: 'tiny:a' stands in line 2 already"]),
        ("config:\n  tiny:a: [1\n", ["line 3: expected ',' or ']'"]),
        ("config: 3\n", ["line 1: config is a map of settings by name"]),
        ("config:\n  - tiny:a: 1\n", ["line 2: config is a map of settings by name"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, said):
    """Tabs, keys that stand twice and what is no map are named by file and line, with the way out."""
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(text)
    with pytest.raises(SettingsFileError) as refusal:
        check(file)
    for words in said:
        assert words in str(refusal.value)
    assert str(refusal.value).count("Pulumi.test.yaml, line ") == str(refusal.value).count("fix: ")


@pytest.mark.parametrize("text", ["", "config:\n", "config: {}\n", "# nothing\n", "config:\n  tiny:a: {b: 1}\n"])
def test_what_the_engine_reads_is_left_to_it(tmp_path, text):
    """A file with nothing in it is a file without settings."""
    (tmp_path / "Pulumi.test.yaml").write_text(text)
    check(tmp_path / "Pulumi.test.yaml")


def test_the_engine_is_not_asked(runner):
    """The pipeline says it and ends, for the stack's own file and for one that stands in for it."""
    file = runner.project / "Pulumi.test.yaml"
    other = runner.project / "other.yaml"
    other.write_text(TAB)
    refused = runner("preview", "--stack", "test", "--config-file", str(other))
    assert (refused.returncode, "error: other.yaml, line 3" in refused.stderr) == (2, True)
    file.write_text(TWICE)
    refused = runner("preview", "--stack", "test")
    assert (refused.returncode, "error: Pulumi.test.yaml, line 4" in refused.stderr) == (2, True)
