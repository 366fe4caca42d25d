"""Stage the documentation site: copy the pages, and rewrite their links for the site.

`make docs` runs `python docs/site.py .docs REPOSITORY REVISION`, and then Zensical. A link to a page of the site leads
to that page. A link to any other file or folder of the repository becomes a URL of the repository.
"""

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?P<before>\]\(|^\[(?!\^)[^\]]+\]: |src=\"|srcset=\")(?P<target>[^)\s\"]+)", re.MULTILINE)
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r"^# (?P<title>.+)$", re.MULTILINE)
SECTIONS: dict[str, list[str]] = {
    "Guide": [
        "README.md",
        "components/README.md",
        "docs/environments.md",
        "stacks/README.md",
        "pipeline/README.md",
        "access_graph/README.md",
        "policies/README.md",
        "lab/README.md",
    ],
    "Reference": [
        "docs/reference.md",
        "docs/policy-templates.md",
        "docs/lab-services.md",
        "docs/rules.md",
        "docs/findings.md",
        "docs/policies.md",
        "docs/glossary.md",
    ],
    "Background": ["docs/compare.md", "docs/conformance.md", "docs/soak.md", "docs/speed.md", "docs/scale.md"],
    "Project": ["docs/architecture.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
}
"""The pages of the navigation, without the examples and the decisions."""


def pages() -> dict[str, str]:
    """Return the page of the site for each Markdown file of the repository that has one."""
    files = [file for section in SECTIONS.values() for file in section]
    files += [file.relative_to(ROOT).as_posix() for folder in ("examples", "docs/adr") for file in markdown(folder)]
    return {file: page_name(file) for file in files}


def markdown(folder: str) -> list[Path]:
    """Return the Markdown files of a folder, and the READMEs of its folders."""
    return sorted([*(ROOT / folder).glob("*.md"), *(ROOT / folder).glob("*/README.md")])


def page_name(file: str) -> str:
    """Return the page for a Markdown file: `index.md` for the README, `lab.md` for `lab/README.md`."""
    path = PurePosixPath(file.removeprefix("docs/"))
    if path.name != "README.md":
        return path.as_posix().lower()
    if path.parts == ("README.md",):
        return "index.md"
    folder = path.parent
    return f"{folder}/index.md" if folder.as_posix() in {"examples", "adr"} else f"{folder}.md"


def rewritten(file: str, site_pages: dict[str, str], repository: str, revision: str) -> str:
    """Return the text of a file with links for the site."""

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return match[0]
        path = Path(os.path.normpath((ROOT / file).parent / target))
        name = path.relative_to(ROOT).as_posix()
        name = f"{name}/README.md" if f"{name}/README.md" in site_pages else name
        if name in site_pages:
            url = os.path.relpath(site_pages[name], PurePosixPath(site_pages[file]).parent)
        elif name.startswith("docs/images/"):
            url = os.path.relpath(name.removeprefix("docs/"), PurePosixPath(site_pages[file]).parent)
        else:
            view = f"/{'tree' if path.is_dir() else 'blob'}/{revision}" if repository.startswith("http") else ""
            url = f"{repository}{view}/{name}"
        return f"{match['before']}{url}{'#' if anchor else ''}{anchor}"

    parts = FENCE.split((ROOT / file).read_text())
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def navigation(site_pages: dict[str, str]) -> Iterator[str]:
    """Yield the lines of `nav` in zensical.toml."""
    listed = dict(SECTIONS)
    for title, folder in (("Examples", "examples"), ("Decisions", "docs/adr")):
        readme = f"{folder}/README.md"
        listed[title] = [readme, *(file for file in site_pages if file.startswith(f"{folder}/") and file != readme)]
    yield "nav = ["
    for title in ("Guide", "Examples", "Reference", "Background", "Decisions", "Project"):
        entries = ", ".join(f'{{ "{page_title(file)}" = "{site_pages[file]}" }}' for file in listed[title])
        yield f'  {{ "{title}" = [{entries}] }},'
    yield "]"


def page_title(file: str) -> str:
    """Return the first heading of a file."""
    match = TITLE.search((ROOT / file).read_text())
    assert match is not None, file
    return match["title"].replace("`", "").replace('"', "'")


def main() -> None:
    folder, repository, revision = Path(sys.argv[1]), sys.argv[2].removesuffix(".git").rstrip("/"), sys.argv[3]
    site_pages = pages()
    shutil.rmtree(folder / "pages", ignore_errors=True)
    for file, page in site_pages.items():
        target = folder / "pages" / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewritten(file, site_pages, repository, revision))
    shutil.copytree(ROOT / "docs" / "images", folder / "pages" / "images")
    config = (ROOT / "docs" / "zensical.toml").read_text().replace("nav = []", "\n".join(navigation(site_pages)))
    if repository.startswith("http"):
        config = config.replace("[project]\n", f'[project]\nrepo_url = "{repository}"\n', 1)
    tomllib.loads(config)
    (folder / "zensical.toml").write_text(config)


if __name__ == "__main__":
    main()
