"""The pages of the site that are not files in docs/: made from the package when the site is built.

The front page, the page for contributors and the changelog are the files at the top of the checkout.
The pages of built-in plugins are made from what ``sparseattack show NAME`` knows, and the page of the
command line from its help texts.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from sparseattack.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
TOP = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
NOTEBOOK, TUTORIAL = "tutorial.ipynb", "tutorial.md"
KINDS = {
    "strategies": ("Strategies", "Search algorithms: `--strategies 'NAME(setting=value)'`."),
    "oracles": (
        "Oracles",
        "Classifiers, and ways to read one from a file: `--oracle 'NAME(setting=value)'`.",
    ),
    "encodings": ("Encodings", "How the genes of a candidate become changed pixels: `--encodings NAME`."),
    "fitness": ("Fitness functions", "What a search minimises: `--fitness NAME`, `--objectives NAME`."),
    "executors": (
        "Executors",
        "Where the runs of a comparison are made: `--executor 'NAME(setting=2)'`.",
    ),
    "protocols": ("Protocols", "Settings of published experiments: `--protocol NAME`."),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for path, text in pages():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Remove the second word of a fence such as ``sh setup``, a mark for tests; link the tutorial."""
    if page.file.src_uri != TUTORIAL:
        markdown = markdown.replace(f"]({NOTEBOOK})", f"]({TUTORIAL})")
    return re.sub(r"^```(\w+) \S+$", r"```\1", markdown, flags=re.MULTILINE)


def pages() -> Iterator[tuple[str, str]]:
    """Path and Markdown of every generated page."""
    for name, path in TOP.items():
        yield path, relinked((ROOT / name).read_text(encoding="utf-8"))
    listed = json.loads(sparseattack("list", "--json"))
    for kind, (title, introduction) in KINDS.items():
        names = [each["name"] for each in listed[kind]]
        sections = [protocol(name) if kind == "protocols" else plugin(kind, name) for name in names]
        yield f"built-in/{kind}.md", "\n\n".join([f"# {title}", introduction, *sections]) + "\n"
    yield "command-line.md", command_line()
    yield TUTORIAL, tutorial()


def tutorial() -> str:
    """The tutorial notebook: its text, its code, and what it printed and showed when it was executed."""
    held = json.loads((ROOT / "docs" / NOTEBOOK).read_text(encoding="utf-8"))
    title, *cells = [text for cell in held["cells"] for text in cell_texts(cell)]
    note = f"This page is [a notebook]({NOTEBOOK}), to be opened in Jupyter; a test executes it."
    heading, _, rest = title.partition("\n")
    return "\n\n".join([heading, note, rest.strip(), *cells]) + "\n"


def cell_texts(cell: dict[str, Any]) -> Iterator[str]:
    """A cell of a notebook, and its outputs, as Markdown."""
    if cell["cell_type"] == "markdown":
        yield "".join(cell["source"])
        return
    yield f"```python\n{''.join(cell['source'])}\n```"
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            yield f"```text\n{''.join(output['text']).rstrip()}\n```"
        elif shown := "".join(output["data"].get("text/html", "")):
            yield f'<div class="output">\n{shown}\n</div>'


def relinked(text: str) -> str:
    """A page at the top of the checkout, its links as seen from docs/."""
    text = text.replace("](docs/", "](")
    for name, path in TOP.items():
        text = text.replace(f"]({name})", f"]({path})").replace(f"]({name}#", f"]({path}#")
    return text


def sparseattack(*arguments: str) -> str:
    """What a command prints."""
    with redirect_stdout(StringIO()) as printed, suppress(SystemExit):
        main(arguments)
    return printed.getvalue()


def plugin(kind: str, name: str) -> str:
    """The section of one strategy, oracle, encoding or fitness function."""
    (shown,) = [
        each for each in json.loads(sparseattack("show", name, "--json")) if kind == each["entry"]["kind"]
    ]
    parts = [f"## {name}", shown["description"]]
    if shown["settings"]:
        parts.append(table(("setting", "type", "default", "meaning"), map(setting, shown["settings"])))
    if remedy := shown["entry"]["remedy"]:
        parts.append(f"Needs `{remedy}`.")
    return "\n\n".join([*parts, f"Source: `{shown['entry']['source']}`"])


def setting(shown: dict[str, Any]) -> tuple[str, ...]:
    """The table's row of a setting."""
    default = "required" if shown["default"] is None else code(shown["default"])
    return code(shown["name"]), code(shown["type"]), default, shown["meaning"]


def protocol(name: str) -> str:
    """The section of one protocol."""
    (shown,) = json.loads(sparseattack("show", name, "--json"))
    modes = shown["settings"]
    options = list(dict.fromkeys(option for settings in modes.values() for option in settings))
    rows = (
        (code(each), *(code(str(settings.get(each, ""))) for settings in modes.values())) for each in options
    )
    return "\n\n".join([f"## {name}", shown["description"], table(("setting", *modes), rows)])


def code(text: str) -> str:
    """Text as code in a cell of a table; nothing stays nothing."""
    return f"`{text}`" if text else ""


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rows])


def command_line() -> str:
    """Every command with its options, and the exit codes."""
    command = [
        sys.executable,
        "-m",
        "typer",
        "sparseattack.cli.main",
        "utils",
        "docs",
        "--title",
        "Command line",
    ]
    text = subprocess.run(
        [*command, "--name", "sparseattack"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return text.replace(
        "**Usage**", "Exit codes: 0 done, 1 a run failed, 2 bad input, 130 interrupted.\n\n**Usage**", 1
    )
