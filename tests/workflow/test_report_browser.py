"""The page in a browser: it opens from disk, asks nobody for anything, and does what a reader expects of it."""

import base64
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browsing import NO_BROWSER, asked_for, colours, opened, rows, texts_of, wait
from stat3act.atlas.compare import compare_cohorts, join_cohorts, overview, shared_samples
from stat3act.atlas.page import render_atlas
from stat3act.report import page, parts
from stat3act.report.pictures import Pictures
from unit.report_example import build, config, provenance, sheet, text_of, texts

pytestmark = [pytest.mark.browser, NO_BROWSER]
# One red pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
PICTURES = Pictures(embedded={"S0002": PIXEL}, linked={"S0003": "cells/S0003.png"})
KINDS = ["single_cell", "bulk", "bulk_split"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """One page per kind of cohort, and where each is."""
    folder = tmp_path_factory.mktemp("pages")
    vega, pieces = parts.vega_javascript(), parts.read_parts()
    paths = {}
    for kind in KINDS:
        shown = PICTURES if kind == "single_cell" else page.NO_PICTURES
        html = page.render(texts(12, kind), config(kind), provenance(), sheet(), pieces, vega, shown)
        paths[kind] = folder / f"{kind}.html"
        paths[kind].write_text(html, encoding="utf-8")
    return paths


@pytest.mark.parametrize("kind", KINDS)
def test_page_opens_without_console_messages_and_without_a_request(browser, pages, kind):
    opened(browser, pages[kind])
    assert browser.get_log("browser") == []
    assert asked_for(browser) == {pages[kind].as_uri()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_chart_has_pixels(browser, pages, kind, dark):
    opened(browser, pages[kind])
    if dark:
        browser.find_element(By.ID, "theme").click()
    figures = [one for one in browser.find_elements(By.CSS_SELECTOR, "main figure") if one.is_displayed()]
    assert len(figures) >= 4
    for figure in figures:
        # Axes and letters alone are shades of grey; marks bring colour.
        assert figure.get_attribute("data-drawn") == "true"
        assert colours(figure) > 30, figure.get_attribute("data-chart")


def test_search_and_calls_filter_the_table(browser, pages):
    opened(browser, pages["single_cell"])
    assert len(rows(browser)) == 12
    browser.find_element(By.ID, "search").send_keys("S0003")
    wait(browser, lambda driver: rows(driver) == ["S0003"])
    assert browser.find_element(By.ID, "shown").text == "1 of 12 samples"
    browser.find_element(By.ID, "clear").click()
    browser.find_element(By.CSS_SELECTOR, '[data-call="STROMA_ACTIVE"]').click()
    assert rows(browser) == ["S0002", "S0008"]
    browser.find_element(By.CSS_SELECTOR, '[data-call="BOTH_ACTIVE"]').click()
    assert rows(browser) == ["S0002", "S0003", "S0008", "S0009"]


def test_columns_sort_and_the_unknown_come_last(browser, pages):
    opened(browser, pages["single_cell"])
    head = browser.find_element(By.XPATH, "//table[@id='calls-table']//th/button[text()='Tumour']")
    for _ in range(2):
        head.click()
        assert set(rows(browser)[-2:]) == {"S0006", "S0012"}


def test_unknown_is_said_and_is_not_zero(browser, pages):
    opened(browser, pages["single_cell"])
    cells = browser.find_elements(By.CSS_SELECTOR, "#calls-table tr[data-sample='S0006'] td")
    assert "unknown" in [cell.text for cell in cells]
    browser.find_element(By.CSS_SELECTOR, "#calls-table tr[data-sample='S0006'] button").click()
    words = browser.find_element(By.ID, "card-body").text
    assert "Unknown: LOW_CELLS: too few cells. This is not the same as off." in words


def test_a_compartment_without_rows_is_unknown_too(browser, pages):
    opened(browser, pages["single_cell"], "#sample=S0012")
    assert "Unknown: NOT_MEASURED" in browser.find_element(By.ID, "card-body").text
    labels = browser.find_elements(By.CSS_SELECTOR, "figure[data-chart='heatmap'] path[stroke-dasharray]")
    described = [label.get_attribute("aria-label") for label in labels]
    assert any("S0012" in label for label in described)
    assert "S0012" in browser.find_element(By.ID, "interferon-missing").get_attribute("textContent")


def test_card_opens_from_a_click_and_from_the_keyboard(browser, pages):
    opened(browser, pages["single_cell"])
    browser.find_element(By.CSS_SELECTOR, "#calls-table tr[data-sample='S0002'] td:nth-child(4)").click()
    card = browser.find_element(By.ID, "card")
    wait(browser, lambda driver: card.is_displayed())
    assert browser.find_element(By.ID, "card-title").text == "S0002"
    words = card.text
    for part in (
        "Microenvironment active",
        "Tumour – OFF",
        "Microenvironment – ON",
        "Leading genes",
        "What would change",
    ):
        assert part in words
    wait(browser, lambda driver: driver.find_elements(By.CSS_SELECTOR, "#card figure[data-drawn] svg"))
    assert colours(browser.find_element(By.CSS_SELECTOR, "#card figure")) > 30
    browser.find_element(By.ID, "card-next").click()
    assert browser.find_element(By.ID, "card-title").text == "S0003"
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait(browser, lambda driver: not card.is_displayed())
    assert browser.switch_to.active_element.text == "S0003"  # the reader is back where they were
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    wait(browser, lambda driver: card.is_displayed())
    assert browser.get_log("browser") == []


def test_a_card_holds_the_picture_of_its_cells_or_links_to_it(browser, pages):
    opened(browser, pages["single_cell"], "#sample=S0002")
    picture = browser.find_element(By.CSS_SELECTOR, "#card img.cells")
    wait(browser, lambda driver: driver.execute_script("return arguments[0].naturalWidth", picture) == 1)
    assert "Cells of S0002" in picture.get_attribute("alt")
    link = browser.find_element(By.CSS_SELECTOR, "#card a[download='example.S0002.cells.png']")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    saved = browser.downloads / "example.S0002.cells.png"
    wait(browser, lambda driver: saved.exists() and saved.stat().st_size)
    assert saved.read_bytes() == base64.b64decode(PIXEL)
    browser.find_element(By.ID, "card-next").click()
    assert not browser.find_elements(By.CSS_SELECTOR, "#card img.cells")
    link = browser.find_element(By.LINK_TEXT, "cells/S0003.png")
    assert link.get_attribute("href") == (pages["single_cell"].parent / "cells/S0003.png").as_uri()
    assert browser.get_log("browser") == []


def test_a_card_says_why_cells_are_uncertain(browser, pages):
    opened(browser, pages["single_cell"], "#sample=S0001")
    words = browser.find_element(By.ID, "card-more").get_attribute("textContent")
    assert "Clusters (2) and their calls" in words
    assert "BETWEEN: between malignant and normal cells" in words
    assert "not tested" in words


def test_labels_are_set_against_findings(browser, pages):
    opened(browser, pages["single_cell"])
    words = browser.find_element(By.ID, "agreement").text
    assert "Malignant: 2160 of 2280 cells (94.7 %)" in words
    assert "Lineage: 720 of 720 cells (100.0 %)" in words
    assert texts_of(browser, "#agreement div:nth-of-type(2) td") == ["2160", "120"]


def test_a_sample_without_malignant_cells_has_unknown_arms(browser, pages):
    opened(browser, pages["single_cell"])
    hollow = browser.find_elements(By.CSS_SELECTOR, "figure[data-chart='arms'] path[stroke-dasharray]")
    described = [mark.get_attribute("aria-label") for mark in hollow]
    assert len(described) == 3 and all("S0012" in words and "unknown" in words for words in described)


def test_a_card_names_the_lesions_and_their_limits(browser, pages):
    opened(browser, pages["single_cell"], "#sample=S0001")
    words = browser.find_element(By.ID, "card-more").text
    assert "STAT3 p.Y640F known STAT3 that dimerises without a signal (SH2) PMID:1 doi:2" in words
    assert "JAK1 p.S703I possible kinase PMID:3" in words
    assert "no part of the call" in words
    browser.find_element(By.ID, "card-next").click()
    assert "Genetic lesions" not in browser.find_element(By.ID, "card-more").text


@pytest.mark.parametrize(
    ("sample", "kinds"),
    [
        ("S0001", ["paracrine", "autocrine (gone without ambient RNA)", "microenvironment internal"]),
        ("S0002", ["microenvironment internal", "paracrine", "autocrine (gone without ambient RNA)"]),
    ],
)
def test_signals_to_where_stat3_is_on_come_first(browser, pages, sample, kinds):
    opened(browser, pages["single_cell"], f"#sample={sample}")
    found = texts_of(browser, "#card-more table tbody tr td:nth-child(6)")
    assert [words for words in found if not words.isdigit()] == kinds


def test_a_link_opens_a_card(browser, pages):
    opened(browser, pages["bulk"], "#sample=S0005")
    assert browser.find_element(By.ID, "card-title").text == "S0005"


def test_html_in_the_sheet_is_text(browser, pages):
    opened(browser, pages["single_cell"], "#sample=S0003")
    assert "<b>odd & bold</b>" in browser.find_element(By.ID, "card-more").text
    assert not browser.find_elements(By.CSS_SELECTOR, "#card-more b")
    assert "Made up <by> the tests" in browser.find_element(By.ID, "summary").get_attribute("textContent")


def test_scatter_takes_colours_from_the_sheet(browser, pages):
    opened(browser, pages["single_cell"])
    options = texts_of(browser, "#colour-by option")
    assert options == ["call", "age", "subtype"]
    before = texts_of(browser, "figure[data-chart='compartments'] svg text")
    assert "Tumour active" in before
    browser.find_element(By.CSS_SELECTOR, "#colour-by option[value='subtype']").click()
    wait(browser, lambda driver: "basal" in texts_of(driver, "figure[data-chart='compartments'] svg text"))
    assert browser.get_log("browser") == []


def test_groups_are_compared_with_patients_as_replicates(browser, pages):
    opened(browser, pages["single_cell"])
    marks = "figure[data-chart='groups'] .mark-symbol path"
    assert len(browser.find_elements(By.CSS_SELECTOR, marks)) == 10  # of 12; two tumours are unknown
    words = texts_of(browser, "#groups-table tr")
    assert [("not tested: too few patients" in row) for row in words] == [False, True, True, False]
    labels = texts_of(browser, "figure[data-chart='groups'] svg text")
    assert "<b>odd & bold</b> (n=2)" in labels and not browser.find_elements(By.CSS_SELECTOR, "#groups b")
    browser.find_element(By.CSS_SELECTOR, "[data-compartment='groups'] option[value='myeloid']").click()
    wait(browser, lambda driver: len(driver.find_elements(By.CSS_SELECTOR, marks)) == 12)
    wait(browser, lambda driver: texts_of(driver, "#groups-table tr") != words)


def test_compartments_can_be_chosen(browser, pages):
    opened(browser, pages["single_cell"])
    figure = browser.find_element(By.CSS_SELECTOR, "figure[data-chart='heatmap']")
    before = figure.screenshot_as_png
    browser.find_element(By.CSS_SELECTOR, "[data-compartment='heatmap'] option[value='myeloid']").click()
    wait(browser, lambda driver: figure.screenshot_as_png != before)


def test_downloads_are_the_files(browser, pages):
    opened(browser, pages["single_cell"])
    given = texts(12, "single_cell")
    for name, file in (("calls", "calls.tsv"), ("activation_profiles", "activation_profiles.tsv"), ("qc", "qc.tsv")):
        button = browser.find_element(By.CSS_SELECTOR, f"[data-download='{name}']")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        saved = browser.downloads / f"example.{file}"
        wait(browser, lambda driver, saved=saved: saved.exists() and saved.stat().st_size)
        assert saved.read_bytes() == given[name].encode()


def test_charts_save_as_svg_and_png(browser, pages):
    opened(browser, pages["bulk"])
    links = browser.find_elements(By.CSS_SELECTOR, "figure[data-chart='ranked'] .vega-actions a")
    assert [link.get_attribute("download") for link in links] == ["example.ranked.svg", "example.ranked.png"]
    browser.execute_script("document.querySelector(\"figure[data-chart='ranked'] details\").open = true")
    for link in links:
        link.click()
        saved = browser.downloads / link.get_attribute("download")
        wait(browser, lambda driver, saved=saved: saved.exists() and saved.stat().st_size > 1000)
    assert (browser.downloads / "example.ranked.svg").read_text(encoding="utf-8").startswith("<svg")
    assert (browser.downloads / "example.ranked.png").read_bytes().startswith(b"\x89PNG")


def test_theme_follows_the_button_and_paper_is_white(browser, pages):
    opened(browser, pages["single_cell"])

    def axis_colour():
        title = "figure[data-chart='interferon'] svg .role-axis-title text"
        return browser.execute_script("return document.querySelector(arguments[0]).getAttribute('fill')", title)

    light = axis_colour()
    button = browser.find_element(By.ID, "theme")
    button.click()
    dark = axis_colour()
    assert dark != light
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert axis_colour() == light
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert axis_colour() == dark


def test_a_script_that_is_not_the_pages_own_never_runs(browser, pages, tmp_path):
    evil = tmp_path / "evil.html"
    html = pages["bulk"].read_text(encoding="utf-8")
    evil.write_text(html.replace("</main>", "<script>document.title = 'ran'</script></main>"), encoding="utf-8")
    opened(browser, evil)
    assert browser.title != "ran"
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))


def test_the_page_of_an_atlas_opens_and_compares(browser, tmp_path):
    cohorts = {}
    for name, seed in (("one", 7), ("two", 8)):
        table = build(12, "bulk_split", seed)["activation_profiles"]
        cohorts[name] = table.assign(reference="frozen reference.tsv (n=30)", sample=name + table["sample"])
    joined = join_cohorts(cohorts)
    tables = {
        "activities": joined,
        "overview": overview(cohorts, joined),
        "comparisons": compare_cohorts(joined, 0.9),
        "shared": shared_samples(joined),
    }
    record = {"config": config("bulk"), "inputs": [{"path": "reference.tsv", "sha256": "a" * 64}]}
    record["config"]["activity"]["reference"] = "reference.tsv"
    files = [parts.FOLDER / name for name in parts.ATLAS_FILES]
    html = render_atlas(
        {name: text_of(table) for name, table in tables.items()},
        {"atlas": "example", "title": None},
        {"one": record, "two": record},
        parts.read_parts(files, parts.ATLAS_TEMPLATE, parts.ATLAS_SCRIPTS),
        parts.vega_javascript(),
    )
    path = tmp_path / "atlas.html"
    path.write_text(html, encoding="utf-8")
    opened(browser, path)
    assert browser.get_log("browser") == [] and asked_for(browser) == {path.as_uri()}
    assert colours(browser.find_element(By.CSS_SELECTOR, "figure[data-chart='groups']")) > 30
    before = texts_of(browser, "#groups-table tr")
    assert len(before) == 2 and "one – two" in before[1]
    browser.find_element(By.CSS_SELECTOR, "[data-compartment='groups'] option[value='bulk']").click()
    wait(browser, lambda driver: texts_of(driver, "#groups-table tr") != before)
    browser.find_element(By.CSS_SELECTOR, "[data-download='overview']").click()
    saved = browser.downloads / "example.overview.tsv"
    wait(browser, lambda driver: saved.exists() and saved.stat().st_size)
    assert saved.read_bytes() == text_of(tables["overview"]).encode()
