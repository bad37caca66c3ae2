"""The page in a real browser: it works offline, by pointer and by keyboard, wide and narrow.

Skipped where Playwright or Chromium is missing; `.ci/run` installs both where it may.
"""

import csv
import shutil

import pytest
from invocation import power, rows

from lab.execution.store import Store
from lab.files import put
from lab.findings import answering as answers
from lab.findings.shown import Shown
from lab.regimes.regime import Origin
from lab.report import pages

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser found; one of {', '.join(BROWSERS)} is wanted")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(make_study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    study = make_study(
        question="Does <b>it</b> fall?", student={"widths": [4, 6, 8, 12, 17, 24]},
        task={"manifold": {"dim": [2, 3, 5]},
              "teacher": {"count": 4, "bias": [0.0, 0.5, 1.0], "widths": [96, 96]}},
        evidence={"share": 0.25},
    ).of(Origin("studies/s.toml"))  # fmt: skip
    with Store.write(folder / "s") as store:
        store.add(rows(study, power(lambda d: 5 / d), noise=0.02, seed=1))
        shown = Shown(answers.answers(study, store), "s")
        return put(pages.page_html(shown), folder / "report.html")


@pytest.fixture
def visit(chromium, file):
    """visit(size) opens the page offline; what it complains of or asks for fails the test."""
    complaints, contexts = [], []

    def opened(size=WIDE, **options):
        context = chromium.new_context(viewport=size, offline=True, **options)
        contexts.append(context)
        shown = context.new_page()
        shown.on("console", lambda message: complaints.append(message.text))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on("request", lambda request: complaints.append(request.url)
                 if not request.url.startswith(("file:", "data:")) else None)  # fmt: skip
        shown.goto(file.as_uri())
        return shown

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_there_and_nothing_sticks_out(visit, size, scheme):
    shown = visit(size, color_scheme=scheme)
    assert shown.locator("h1").inner_text() == "Does <b>it</b> fall?"
    assert shown.locator("figure svg").count() > 4
    boxes = shown.evaluate(
        "[...document.querySelectorAll('svg')].map(v => v.getBoundingClientRect().height)"
    )
    assert min(boxes) > 20
    assert shown.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_click_and_the_keyboard_open_a_run(visit):
    shown = visit()
    dot = shown.locator("use[data-run]").first
    dot.click(force=True)  # another dot may lie on top of it
    dialog = shown.locator("dialog")
    name = dialog.locator("h2").inner_text().removeprefix("Run ")
    assert dialog.is_visible() and shown.locator(f"use[data-run='{name}']").count() > 0
    assert "Train d = 2 again" in dialog.inner_text()
    assert "lab run studies/s.toml --set task.manifold.dim=2" in dialog.inner_text()
    shown.keyboard.press("Escape")
    assert not dialog.is_visible()
    card = shown.locator(".drawn:has(use[data-run])").first
    card.focus()
    shown.keyboard.press("ArrowRight")
    assert "teacher" in shown.locator("#tip").inner_text()
    shown.keyboard.press("Enter")
    assert dialog.is_visible()
    shown.keyboard.press("Escape")
    shown.locator(".drawn [data-told]").first.hover(force=True)
    assert "α = " in shown.locator("#tip").inner_text()


def test_the_keyboard_reaches_links_tables_and_cards(visit):
    shown = visit()
    reached = set()
    for _ in range(60):
        shown.keyboard.press("Tab")
        reached.add(shown.evaluate("document.activeElement.tagName.toLowerCase()"))
    assert {"a", "summary", "button", "input", "div"} <= reached


def test_the_csv_downloads_and_parses(visit, tmp_path):
    shown = visit()
    with shown.expect_download() as download:
        shown.locator("a[download='losses.csv']").first.click()
    download.value.save_as(tmp_path / "losses.csv")
    with open(tmp_path / "losses.csv", newline="") as text:
        found = list(csv.DictReader(text))
    assert len(found) == 9 * 6 and float(found[0]["mean"]) > 0


def test_tables_sort_and_filter(visit):
    shown = visit()
    table = shown.locator("table.data:visible").first
    field = shown.locator(".filter input:visible").first
    field.fill("bias 0.5")
    assert table.locator("tbody tr:visible").count() == 3
    field.fill("")
    table.locator("th button").nth(2).click()
    values = [float(t.split()[0]) for t in table.locator("tbody td:nth-child(3)").all_inner_texts()]
    assert values == sorted(values) and len(values) == 9


def test_it_can_be_read_without_a_script(chromium, file):
    context = chromium.new_context(java_script_enabled=False, offline=True)
    shown = context.new_page()
    shown.goto(file.as_uri())
    assert shown.locator("figure svg").count() > 4 and shown.locator("table.data").count() > 3
    assert not shown.locator("dialog").is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_with_contrast_names_or_roles(visit, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright",
                              reason="axe-core is not installed")  # fmt: skip
    shown = visit(color_scheme=scheme, bypass_csp=True)
    found = axe.Axe().run(shown)
    assert found.violations_count == 0, found.generate_report()
