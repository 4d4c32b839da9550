"""What the page is put together from: its template, style and scripts, Vega's JavaScript, and the tables' text."""

from collections.abc import Iterable, Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "report"
TEMPLATE, STYLE = "page.html.j2", "page.css"
# In the order in which they build on each other.
SCRIPTS = (
    "page_shell.js",
    "page_data.js",
    "page_charts.js",
    "page_cells.js",
    "page_selfcheck.js",
    "page_groups.js",
    "page_card.js",
    "page_calls.js",
    "page.js",
)
FILES = (TEMPLATE, STYLE, *SCRIPTS)
ATLAS_TEMPLATE = "atlas.html.j2"
ATLAS_SCRIPTS = ("page_shell.js", "page_data.js", "page_charts.js", "page_groups.js", "atlas.js")
ATLAS_FILES = (ATLAS_TEMPLATE, STYLE, *ATLAS_SCRIPTS)


def read_texts(paths: Mapping[str, str | Path]) -> dict[str, str]:
    """Read files as text, byte for byte; keys are kept."""
    return {name: Path(path).read_bytes().decode() for name, path in paths.items()}


def read_parts(
    paths: Iterable[str | Path] = tuple(FOLDER / name for name in FILES),
    template: str = TEMPLATE,
    scripts: Iterable[str] = SCRIPTS,
) -> dict[str, str]:
    """Read the files of a page.

    Parameters
    ----------
    paths
        Paths of all `FILES`, or of the style and those named next, in any order.
    template, scripts
        Names of the template and of the scripts in their order; those of a cohort's page by default.

    Returns
    -------
    ``template``, ``style`` and ``script`` (all scripts, joined in their order).
    """
    texts = read_texts({Path(path).name: path for path in paths})
    script = "\n".join(texts[name] for name in scripts)
    return {"template": texts[template], "style": texts[STYLE], "script": script}


def vega_javascript() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script that sets ``window.vegaEmbed``."""
    # A large extension module; only the job that renders the page needs it.
    import vl_convert

    return vl_convert.javascript_bundle()
