"""Pages that are made when the documentation is built: one for each code, the command's help, READMEs of packages.

MkDocs calls the functions whose names begin with `on_`. The command, and the pages about Node, are made before: see
`make docs`.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "target" / "docs-parts"
COMMAND = ROOT / "target" / "release" / "bizkithub"

REPOSITORY = "https://github.com/bizkithub/bizkithub-client/blob/main"

BORROWED = {
    "n8n.md": "node/n8n-nodes-bizkithub/README.md",
    "zapier.md": "node/zapier-bizkithub/README.md",
    "changelog.md": "CHANGELOG.md",
    "security.md": "SECURITY.md",
}
# Where a page is found that is made here, from what stands for it in the repository.
HERE = {source: name for name, source in BORROWED.items()} | {
    "crates/bizkithub-cli/src/arguments.rs": "reference/command.md"
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    for name, content in pages():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """List the codes where they belong, and lead links that leave the documentation to the repository."""
    if page.file.src_uri == "errors/index.md":
        markdown = markdown.replace("<!-- codes -->\n", "".join(table_of_codes()))
    if re.search(r"--8\s+<", markdown):
        raise PluginError(f"{page.file.src_uri} has a mangled snippet")
    top = "../" * page.file.src_uri.count("/")

    def lead(link: re.Match[str]) -> str:
        target, anchor = link.groups()
        return f"]({top}{HERE[target]}{anchor})" if target in HERE else f"]({REPOSITORY}/{target}{anchor})"

    return re.sub(rf"\]\(\.\./{re.escape(top)}([^)#]+)(#[^)]*|)\)", lead, markdown)


def pages() -> Iterator[tuple[str, str | bytes]]:
    """Make every page, with its place."""
    for error in explained():
        yield f"errors/{error['code']}.md", page_of(error)
    yield "reference/command.md", "# Command\n\n" + "".join(help_of())
    for name, source in BORROWED.items():
        yield name, borrowed(ROOT / source)
    for path in sorted((BUILT / "node").rglob("*.md")):
        yield f"reference/node/{path.relative_to(BUILT / 'node').as_posix()}", path.read_text(encoding="utf-8")
    yield "javascripts/mermaid.min.js", (BUILT / "mermaid.min.js").read_bytes()


def explained() -> list[dict[str, str]]:
    """Ask the command what it knows of codes."""
    return json.loads(output("explain", "--json"))["explanations"]


def table_of_codes() -> Iterator[str]:
    """List every code."""
    yield "| code | kind | meaning |\n|---|---|---|\n"
    for error in explained():
        yield f"| [`{error['code']}`]({error['code']}.md) | `{error['kind']}` | {error['meaning']} |\n"


def page_of(error: dict[str, str]) -> str:
    """Write the page of a code."""
    why = f"## Why\n\n{error['cause']}\n\n" if error["cause"] else ""
    more = "" if error["cause"] else f"\n[The vendor's page](https://docs.bizkithub.com/errors/{error['code']})\n"
    return (
        f"# `{error['code']}`\n\nOf the kind [`{error['kind']}`](index.md).\n\n"
        f"## What happened\n\n{sentence(error['meaning'])}\n\n{why}## What to do\n\n{sentence(error['remedy'])}\n{more}"
    )


def sentence(text: str) -> str:
    """Write what an error says in the midst of a line as a sentence of its own."""
    return f"{text[0].upper()}{text[1:]}."


def help_of(*names: str) -> Iterator[str]:
    """Show the help of the command, then of its subcommands."""
    text = output(*names, "--help")
    yield f"{'#' * (len(names) + 2)} {' '.join(['bizkithub', *names])}\n\n```text\n{text.strip()}\n```\n\n"
    commands = re.search(r"^Commands:\n((?: {2}.*\n)+)", text, re.MULTILINE)
    for name in re.findall(r"^ {2}([a-z]+)", commands[1], re.MULTILINE) if commands else []:
        if name != "help":
            yield from help_of(*names, name)


def output(*arguments: str) -> str:
    """Run the command."""
    return subprocess.run([COMMAND, *arguments], capture_output=True, check=True, encoding="utf-8").stdout


def borrowed(source: Path) -> str:
    """Take over a page that lives elsewhere; its links lead from where it is now."""
    text = source.read_text(encoding="utf-8")
    text = re.sub(r"https://raw\.githubusercontent\.com/[^)]*/docs/images/", "images/", text)
    return text.replace("](docs/", "](").replace("](SECURITY.md)", "](security.md)")
