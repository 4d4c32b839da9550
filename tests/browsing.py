"""A headless Chromium for the tests of pages, and what a reader does with one."""

import io
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
NO_BROWSER = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium or ChromeDriver is not installed")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
]
SECONDS = 60


def start_browser(profile: Path, downloads: Path, flags: tuple[str, ...] = ()):
    """Start a headless Chromium that logs its console and every request, and saves downloads."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, *flags, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    driver.downloads = downloads
    return driver


def wait(browser, done):
    return WebDriverWait(browser, SECONDS, poll_frequency=0.1).until(done)


def opened(browser, path: Path, part: str = ""):
    """Open a page and wait until its charts are drawn; what was logged before is forgotten."""
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(path.as_uri() + part)
    wait(browser, lambda driver: driver.execute_script("return document.body.dataset.ready") == "charts")
    return browser


def rows(browser) -> list[str]:
    """Samples that the table shows."""
    script = "return [...document.querySelectorAll('#calls-table tbody tr')].map(row => row.dataset.sample)"
    return browser.execute_script(script)


def texts_of(browser, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map(found => found.textContent)"
    return browser.execute_script(script, selector)


def colours(element) -> int:
    """Number of colours in the picture of an element."""
    return len(Image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB").getcolors(1 << 24))


def asked_for(browser) -> set[str]:
    """Everything the page asked for since it was opened, itself included; what it holds does not count."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    return {url for url in asked if not url.startswith(("data:", "blob:"))}


def read_as_a_user(browser, results: Path, cohort: str, folder: Path | None = None) -> None:
    """Do with the report of a finished cohort what a reader does, and look that it holds.

    It opens without a message and without a request; every chart has marks; search and filter narrow the table; a click
    opens a card whose chart has marks; the downloads are the bytes of the files. Screenshots go to ``folder``.
    """
    page = results / "report/report.html"
    opened(browser, page)
    assert browser.get_log("browser") == []
    assert asked_for(browser) == {page.as_uri()}
    figures = [one for one in browser.find_elements(By.CSS_SELECTOR, "main figure") if one.is_displayed()]
    assert len(figures) >= 4
    for figure in figures:
        assert figure.get_attribute("data-drawn") == "true"
        assert colours(figure) > 30, figure.get_attribute("data-chart")
    samples = rows(browser)
    calls = (results / "profiles/calls.tsv").read_text(encoding="utf-8").splitlines()
    assert samples == [line.split("\t")[0] for line in calls[1:]]
    name = samples[-1]
    browser.find_element(By.ID, "search").send_keys(name)
    wait(browser, lambda driver: rows(driver) == [one for one in samples if name in one])
    browser.find_element(By.CSS_SELECTOR, f"#calls-table tr[data-sample='{name}'] td:nth-child(3)").click()
    card = browser.find_element(By.ID, "card")
    wait(browser, lambda driver: card.is_displayed())
    assert browser.find_element(By.ID, "card-title").text == name
    wait(browser, lambda driver: driver.find_elements(By.CSS_SELECTOR, "#card figure[data-drawn]"))
    assert colours(browser.find_element(By.CSS_SELECTOR, "#card figure")) > 30
    assert "unknown" in card.text.lower() or "activity" in card.text.lower()
    if folder:
        browser.save_screenshot(str(folder / f"{cohort}.card.png"))
    browser.find_element(By.ID, "card-close").click()
    browser.find_element(By.ID, "clear").click()
    for table in ("profiles/calls.tsv", "profiles/activation_profiles.tsv", "expression/qc.tsv"):
        key = table.split("/")[1].removesuffix(".tsv")
        button = browser.find_element(By.CSS_SELECTOR, f"[data-download='{key}']")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        saved = browser.downloads / f"{cohort}.{key}.tsv"
        wait(browser, lambda driver, saved=saved: saved.exists() and saved.stat().st_size)
        assert saved.read_bytes() == (results / table).read_bytes()
    assert browser.get_log("browser") == []
