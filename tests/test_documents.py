"""Pages for readers: links lead somewhere, and the first page is short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "studies" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    gone = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not gone, f"{page.name}: {gone}"


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 150 and len(text.encode()) <= 8_000
    assert (ROOT / "docs" / "page.png").stat().st_size <= 120_000


def test_every_page_has_a_place_in_the_site():
    """MkDocs refuses a page of `nav` that does not exist, so that only the other way is asked."""
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    assert all(f": {page.name}\n" in nav for page in (ROOT / "docs").glob("*.md"))


def test_students_that_the_page_on_engines_leaves_on_the_cpu_import_no_jax():
    import inspect
    import sys

    import lab.students  # every kind
    from lab.kinds.student import STUDENTS

    text = " ".join((ROOT / "docs" / "engines.md").read_text().split())
    told = text[text.index("on the CPU only") :].split(". ")[0]
    named = set(re.findall(r"`([a-z-]+)`", told))
    assert named == {kind for kind, table in STUDENTS.items() if not table.trained}
    assert lab.students is not None
    for kind in named - {"dimension"}:  # whose estimators are in lab.dimension
        source = inspect.getsource(sys.modules[STUDENTS[kind].__module__])
        assert not re.search(r"^\s*(import|from) jax\b", source, re.MULTILINE), kind
