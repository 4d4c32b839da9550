"""The page of an atlas, built like that of a cohort: one file that asks nobody for anything."""

from collections.abc import Mapping

import pandas as pd

from stat3act.atlas.comparable import frozen_digest
from stat3act.profiles.states import CORE_AXIS
from stat3act.report import charts_groups, evidence
from stat3act.report.columns_atlas import ATLAS_TABLES
from stat3act.report.page import CSP, closed, pack, script_hash, script_json, table_of, template_of

AGAINST = "Activity: z against the frozen reference that all cohorts share"


def cohort_lines(joined: pd.DataFrame, records: Mapping[str, Mapping]) -> list[dict]:
    """Gather what the page says of each cohort."""
    lines = []
    for name, record in records.items():
        own = joined[joined["cohort"] == name]
        source = record["config"]["report"]["source"] or "not given"
        numbers = {"samples": own["sample"].nunique(), "patients": own["patient"].nunique()}
        lines.append({"name": name, "source": source, **numbers})
    return lines


def render_atlas(
    texts: Mapping[str, str],
    config: Mapping,
    records: Mapping[str, Mapping],
    parts: Mapping[str, str],
    vega: str,
) -> str:
    """Write the page of an atlas.

    Parameters
    ----------
    texts
        Keys of `columns_atlas.ATLAS_TABLES` to the text of the table.
    config
        Configuration of the atlas, with its defaults.
    records
        Cohort to its ``provenance.json``.
    parts
        Result of `parts.read_parts` for the template and scripts of an atlas.
    vega
        JavaScript of Vega, Vega-Lite and Vega-Embed.
    """
    joined, shared = table_of(texts["activities"]), table_of(texts["shared"])
    settings = next(iter(records.values()))["config"]
    present = set(joined["compartment"])
    compartments = {name: words for name, words in evidence.COMPARTMENTS.items() if name in present}
    about = {
        "cohort": config["atlas"],
        "stat3": CORE_AXIS,
        "compartments": compartments,
        "compartment_order": list(compartments),
        "tables": {name: ATLAS_TABLES[name].path for name in texts},
        "charts": {"groups": charts_groups.groups(settings["profiles"]["on_activity"], AGAINST)},
    }
    scripts = closed(vega, parts["script"])
    return template_of(parts["template"]).render(
        csp=CSP.format(hashes=" ".join(script_hash(script) for script in scripts)),
        title=config["title"] or config["atlas"],
        cohorts=cohort_lines(joined, records),
        reference=frozen_digest(next(iter(records.values()))),
        level=f"{100 * settings['activity']['confidence_level']:g}",
        shared=len(shared),
        largest=f"{shared['difference'].abs().max():g}" if len(shared) else "",
        describe=list(ATLAS_TABLES.values()),
        css=parts["style"],
        scripts=scripts,
        about=script_json(about),
        packed={name: pack(text) for name, text in sorted(texts.items())},
    )
