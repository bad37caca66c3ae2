"""Pages of the site that are made while it is built: nothing here is committed.

A hook of MkDocs (`hooks` in mkdocs.yml). The command reference comes from the command line, the
study reference from the pydantic models, the gallery from results/. Documents outside docs/ (the
notebook, ARCHITECTURE.md, …) become pages too, and links between all of them are rewritten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
RESULTS, STUDIES = ROOT / "results", ROOT / "studies"
DOCUMENTS = {
    "notebook.md": "studies/README.md",
    "architecture.md": "ARCHITECTURE.md",
    "decisions.md": "DECISIONS.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages of the site that are documents of the repository."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.M | re.S)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the figures that they show."""
    pages = {
        "commands.md": commands(),
        "study-file.md": study_file(),
        "gallery.md": gallery(),
        **{page: (ROOT / file).read_text("utf-8") for page, file in DOCUMENTS.items()},
        **{f"results/{name}.md": result(name) for name in names()},
    }
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    for name in names():
        for figure in sorted((RESULTS / name).glob("*.svg")):
            target = f"results/{name}/{figure.name}"
            files.append(File.generated(config, target, abs_src_path=str(figure)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links of a document as links of the site."""
    where = page.file.src_uri
    if where.startswith("results/"):
        page.meta["search"] = {"exclude": True}  # tables of numbers, thousands of them
    source = DOCUMENTS.get(where, f"docs/{where}")
    if where.startswith("results/"):
        source = f"results/{Path(where).stem}/report.md"
    parts = FENCE.split(markdown)
    known = {file.src_uri for file in files}
    return "".join(
        part if i % 2 else LINK.sub(lambda link: _link(link, where, source, known), part)
        for i, part in enumerate(parts)
    )


def _link(link: re.Match, where: str, source: str, known: set[str]) -> str:
    """A link of the document `source` as it leads from the page `where`; where the site does not
    have its target, the words alone."""
    image, words, target = link[1], link[2], link[3]
    path, _, anchor = target.partition("#")
    if "://" in target or target.startswith("#") or not path:
        return link[0]
    there = _page(Path(_normal(Path(source).parent / path)))
    if there is None:
        return link[0] if (Path(where).parent / path).as_posix() in known else words
    up = "../" * where.count("/")
    return f"{image}[{words}]({up}{there}{'#' * bool(anchor)}{anchor})"


def _normal(path: Path) -> str:
    parts: list[str] = []
    for part in path.as_posix().split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _page(path: Path) -> str | None:
    """The page, or the figure, of the site that shows a file of the repository; None without."""
    text = path.as_posix()
    for page, file in DOCUMENTS.items():
        if text == file:
            return page
    if text in ("README.md", "docs"):
        return "index.md"
    parts = path.parts
    if parts[:1] == ("results",):
        if text == "results/index.html" or len(parts) < 2 or parts[1] not in names():
            return "gallery.md"
        figure = RESULTS / parts[1] / f"{path.stem}.svg"
        if path.suffix in (".png", ".svg") and figure.exists():
            return f"results/{parts[1]}/{figure.name}"
        return f"results/{parts[1]}.md"
    if parts[:1] == ("studies",) and path.suffix == ".toml" and path.stem in names():
        return f"results/{path.stem}.md"
    if parts[:1] == ("docs",) and (ROOT / path).is_file():
        return "/".join(parts[1:])
    return None


# ---- results -------------------------------------------------------------------------------------


def names() -> list[str]:
    """Every study that has a file or results, by name."""
    reported = {path.parent.name for path in RESULTS.glob("*/*.md")}
    return sorted(reported | {path.stem for path in STUDIES.glob("*.toml")})


def result(name: str) -> str:
    """The page of a study: its report, and its file."""
    report = next(iter(sorted((RESULTS / name).glob("*.md"))), None)
    text = report.read_text("utf-8") if report else f"# {name}\n\nNot run yet.\n"
    file = STUDIES / f"{name}.toml"
    if file.exists():
        toml = file.read_text("utf-8").rstrip()
        text += f"\n## Study file\n\n```toml title=\"studies/{name}.toml\"\n{toml}\n```\n"
    return text


def gallery() -> str:
    """Every study with its question, its result and its main figure."""
    from lab.report.index import groups

    lines = ["# Gallery", "", "Every study with its question and its result, from `results/`.", ""]
    for group, studies in groups(RESULTS).items():
        lines += [f"## {group}", ""]
        for one in studies:
            name = one["folder"].split("/")[0]
            if not one["question"]:
                continue
            lines += [f"### {one['question']}", "", f"[{name}](results/{name}.md): {one['words']}",
                      ""]  # fmt: skip
            if one["image"]:
                lines += [f"[![{name}](results/{one['image']}){{ width=480 loading=lazy }}]"
                          f"(results/{name}.md)", ""]  # fmt: skip
    return "\n".join(lines)


# ---- the command line ----------------------------------------------------------------------------


def commands() -> str:
    """Every command with its arguments and options, as `--help` has them."""
    import typer

    from lab.cli.verbs import app

    group = typer.main.get_command(app)
    lines = ["# Commands", "", _paragraphs(group.help), "", _paragraphs(group.epilog), ""]
    for name, command in group.commands.items():
        context = command.make_context(f"lab {name}", [], resilient_parsing=True)
        usage = " ".join([f"lab {name}", *command.collect_usage_pieces(context)])
        lines += [f"## {name}", "", f"    {usage}", "", _paragraphs(command.help), ""]
        rows = [record for parameter in command.get_params(context)
                if (record := parameter.get_help_record(context))]  # fmt: skip
        lines += ["| argument or option | meaning |", "|---|---|"]
        lines += [f"| `{_cell(option)}` | {_cell(_text(words))} |" for option, words in rows]
        lines.append("")
    return "\n".join(lines)


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in _text(text or "").split("\n\n"))


def _text(words: str) -> str:
    """Words as Markdown: what has pointed brackets is no HTML."""
    return words.replace("<", "&lt;").replace(">", "&gt;")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# ---- the study file ------------------------------------------------------------------------------


def study_file() -> str:
    """Every table and key that a study file may have, from the models that validate it."""
    import lab.students  # noqa: F401  every kind registers itself
    from lab.config.study import REGIMES
    from lab.data.manifolds import MANIFOLDS, Embedding
    from lab.data.task import Task
    from lab.data.teachers import TEACHERS
    from lab.data.user_data import UserData
    from lab.kinds.optimisers import OPTIMISERS
    from lab.kinds.student import STUDENTS
    from lab.tables.prediction import ClaimTable
    from lab.tables.training import PRESETS

    lines = ["# Study file", "", "Every table and key, from the models that validate a file. "
             "[Ask your own question](studies.md) explains them with examples.", ""]  # fmt: skip
    regimes = {name: regime.model_json_schema() for name, regime in REGIMES.items()}
    first = next(iter(regimes.values()))
    whole = {"properties": {key: first["properties"][key] for key in TOP} | {
        "regime": {"enum": [*regimes]}}, "required": ["question", "regime"]}  # fmt: skip
    lines += ["## Top of the file", "", *_keys(whole, first), "", "Regimes:", "",
              *(f"- `{name}`: {_first(table.__doc__)}" for name, table in REGIMES.items()),
              ""]  # fmt: skip
    lines += _section("task", Task.model_json_schema(), "of a manifold and teachers")
    lines += _section("task", UserData.model_json_schema(), "of data of yours")
    lines += _section("task.embedding", Embedding.model_json_schema())
    lines += _section("prediction", ClaimTable.model_json_schema())
    named = dict.fromkeys(one.name for table in REGIMES.values() for one in table.quantities)
    lines += ["Quantities: " + ", ".join(f"`{name}`" for name in named) + ".", ""]
    shown: dict[str, tuple[str, dict]] = {}
    where: dict[str, list[str]] = {}
    for name, schema in regimes.items():
        for key, one in schema["properties"].items():
            found = schema.get("$defs", {}).get(one.get("$ref", "").rsplit("/", 1)[-1], {})
            if "properties" in found and key not in (*TOP, "prediction"):
                text = f"{key}|{json.dumps(found, sort_keys=True)}"
                shown.setdefault(text, (key, found | {"$defs": schema["$defs"]}))
                where.setdefault(text, []).append(name)
    for text, (key, found) in shown.items():
        several = sum(other == key for other, _ in shown.values()) > 1
        lines += _section(key, found, ", ".join(where[text]) if several else "")
        if key == "training":
            lines += ["Presets: " + ", ".join(f"`{name}`" for name in PRESETS) + ".", ""]
    for key, registry in {
        "student": STUDENTS,
        "task.manifold": MANIFOLDS,
        "task.teacher": TEACHERS,
        "training.optimiser": OPTIMISERS,
    }.items():
        for name, table in registry.items():  # fmt: skip
            lines += _section(key, table.model_json_schema(), name)
    return "\n".join(lines)


TOP = ("schema", "question", "regime", "title", "seed")
"""Keys of a file outside of its tables."""


def _section(key: str, schema: Mapping[str, Any], of: str = "") -> list[str]:
    """A table of a study file: its heading, its docstring and its keys."""
    words = _first(schema.get("description"))
    return [f"## [{key}]{', ' * bool(of)}{of}", "", words, "", *_keys(schema, schema), ""]


def _first(text: str | None) -> str:
    """The first paragraph of a docstring, as Markdown."""
    return _text(" ".join((text or "").split("\n\n")[0].split()))


def _keys(table: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    needed = table.get("required", ())
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, one in table.get("properties", {}).items():
        default = "needed" if key in needed else _value(one.get("default"))
        lines.append(f"| `{key}` | {_cell(_type(one, schema))} | {_cell(default)} "
                     f"| {_cell(_text(one.get('description', '')))} |")  # fmt: skip
    return lines


def _value(value: Any) -> str:
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _type(one: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The values that a key takes, in words."""
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    if "enum" in one:
        return ", ".join(f"`{json.dumps(value)}`" for value in one["enum"])
    choices = one.get("anyOf") or one.get("oneOf")
    if choices:
        told = dict.fromkeys(_type(choice, schema) for choice in choices)
        return " or ".join(text for text in told if text != "null")
    if "$ref" in one:
        name = one["$ref"].rsplit("/", 1)[-1]
        found = schema.get("$defs", {}).get(name, {})
        return "a table" if "properties" in found or not found else _type(found, schema)
    kind = one.get("type", "any value")
    if kind == "array":
        items = one.get("items") or next(iter(one.get("prefixItems", [])), {})
        return f"one or a list of: {_type(items, schema)}"
    if kind not in ("integer", "number"):
        words = {"string": "text", "boolean": "true or false", "object": "a table"}
        return words.get(kind, str(kind))
    low, high = one.get("minimum"), one.get("maximum")
    ends = [f"≥ {low:g}" if low is not None else "",
            f"> {one['exclusiveMinimum']:g}" if "exclusiveMinimum" in one else "",
            f"≤ {high:g}" if high is not None else "",
            f"< {one['exclusiveMaximum']:g}" if "exclusiveMaximum" in one else ""]  # fmt: skip
    return " ".join([kind, ", ".join(filter(None, ends))]).strip()
