"""Size of the report page of many simulated samples, and how fast a browser answers on it.

.venv/bin/python benchmarks/page_speed.py [--samples 2000]

Needs the development environment, Chromium and ChromeDriver. Prints the tables of docs/validation/speed_page.md.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "workflow/scripts"), str(ROOT / "tests")]

from browsing import start_browser  # noqa: E402
from stat3act.report import page, parts  # noqa: E402
from unit.report_example import config, provenance, sheet, texts  # noqa: E402

BUDGET_MB = 15
KINDS = {"single_cell": "single cells, 7 compartments", "bulk_split": "bulk, split, 3 compartments"}
SECONDS = 120
# Runs in the page; says after how many milliseconds the next frame shows what was asked for.
SEARCH = """
const [word, expected, done] = arguments;
const field = document.getElementById("search"), begun = performance.now();
field.value = word;
field.dispatchEvent(new Event("input"));
const look = () => document.querySelectorAll("#calls-table tbody tr").length === expected
  ? requestAnimationFrame(() => done(performance.now() - begun)) : requestAnimationFrame(look);
look();
"""
CARD = """
const [sample, done] = arguments;
const begun = performance.now();
document.querySelector(`#calls-table tr[data-sample="${sample}"] button`).click();
const look = () => document.querySelector("#card figure[data-drawn] svg, #card figure[data-drawn] canvas")
  ? requestAnimationFrame(() => done(performance.now() - begun)) : requestAnimationFrame(look);
look();
"""


def memory_mb(pid: int) -> float:
    """Return the proportional memory of a process and all below it."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it has ended meanwhile
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    total = 0
    for member in family:
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def wait_until(browser, ready: str) -> None:
    """Wait until the page says how far it is."""
    begun = time.monotonic()
    while browser.execute_script("return document.body?.dataset.ready") != ready:
        if time.monotonic() - begun > SECONDS:
            raise TimeoutError(f"the page was not ready after {SECONDS} s")
        time.sleep(0.02)


def measure(path: Path, samples: int) -> dict[str, float]:
    """Open a page in a new browser and use it once; milliseconds since it was asked for, and MB."""
    folder = Path(tempfile.mkdtemp())
    browser = start_browser(folder / "profile", folder, ("--enable-precise-memory-info",))
    browser.set_script_timeout(SECONDS)
    try:
        empty = memory_mb(browser.service.process.pid)
        browser.get(path.as_uri())
        wait_until(browser, "charts")
        marks = {
            name: browser.execute_script(f"return performance.getEntriesByName('{name}')[0].startTime")
            for name in ("tables", "charts")
        }
        last = f"S{samples:04d}"
        search = browser.execute_async_script(SEARCH, last, 1)
        card = browser.execute_async_script(CARD, last)
        heap = browser.execute_script("return performance.memory.usedJSHeapSize") / 2**20
        return marks | {
            "search": search,
            "card": card,
            "heap": heap,
            "memory": memory_mb(browser.service.process.pid) - empty,
        }
    finally:
        browser.quit()


def main() -> None:
    """Render the pages, use them, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    rows, failed = [], []
    for kind, words in KINDS.items():
        tables = texts(given.samples, kind)
        begun = time.monotonic()
        html = page.render(
            tables,
            config(kind),
            provenance(given.samples),
            sheet(given.samples),
            parts.read_parts(),
            parts.vega_javascript(),
        )
        seconds = time.monotonic() - begun
        path = folder / f"{kind}.html"
        path.write_text(html, encoding="utf-8")
        size = path.stat().st_size / 1e6
        rounds = [measure(path, given.samples) for _ in range(given.rounds)]
        middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
        rows.append(
            f"| {words} | {size:.1f} | {seconds:.1f} | {middle['tables'] / 1000:.2f} | {middle['charts'] / 1000:.2f} "
            f"| {middle['search']:.0f} | {middle['card']:.0f} | {middle['heap']:.0f} | {middle['memory']:.0f} |"
        )
        if size > BUDGET_MB:
            failed.append(f"{kind}: {size:.1f} MB, more than {BUDGET_MB}")
    print(f"{given.samples} samples, median of {given.rounds} rounds, each in a new browser\n")
    print(
        "| page | MB | s to write | s to interaction | s to all charts | ms search | ms card | MB heap | MB browser |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
