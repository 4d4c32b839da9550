"""The report page: one HTML file that holds its data, its charts and its JavaScript.

The tables are embedded as the bytes of their files (gzip, base64): the page builds everything a reader sees from them,
and a download gives back exactly the file. Scripts run only when their sha256 is in the page's own content security
policy, and the policy forbids every request, so nothing a user wrote can run or call out.
"""

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Mapping, Sequence

import jinja2
import pandas as pd

from stat3act.compartments.malignant import REASONS as CELL_REASONS
from stat3act.profiles.states import CORE_AXIS, INTERFERON_AXIS, voting_panels
from stat3act.report import charts, charts_composition, charts_groups, colours, columns, evidence, selfcheck
from stat3act.report.compared import against
from stat3act.report.methods_text import is_split_from_bulk, methods_paragraphs, references
from stat3act.report.pictures import Pictures
from stat3act.report.reference import interaction_lines, reference_lines
from stat3act.tables import read_table

CSP = (
    "default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; connect-src 'none'; "
    "form-action 'none'; base-uri 'none'"
)
NO_PICTURES = Pictures()


def pack(text: str) -> str:
    """Compress a text for embedding; the same text gives the same characters."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()


def script_json(value: object) -> str:
    """Write JSON that is safe inside a script element: no ``<``, ``>`` or ``&`` is left in it."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def script_hash(script: str) -> str:
    """Name a script in a content security policy."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"


def closed(*scripts: str) -> list[str]:
    """Return scripts that the parser of HTML does not end early: it would at this text, wherever it stands in them."""
    return [script.replace("</script", "<\\/script") for script in scripts]


def table_of(text: str) -> pd.DataFrame:
    """Parse the text of a table."""
    return read_table(io.StringIO(text))


def axis_name(axis: str) -> str:
    """Name of an axis in words."""
    if axis.startswith("programme:"):
        return "Programme: " + axis.removeprefix("programme:").replace("_", " ")
    return evidence.AXES.get(axis, axis)


def ordered_axes(found: Sequence[str]) -> list[str]:
    """Order axes as the page shows them: STAT3 panels, rivals, the rest, programmes."""
    known = list(evidence.AXES)
    return sorted(found, key=lambda axis: (known.index(axis) if axis in known else len(known), axis))


def metadata_kinds(sheet: Sequence[Mapping[str, str]], calls: pd.DataFrame) -> dict[str, str]:
    """Choose the sheet columns that can colour the samples.

    Returns
    -------
    Column to ``number`` or ``category``. Columns that are all empty, constant, or (as text) different in nearly every
    sample are left out.
    """
    if not sheet:
        return {}
    table = pd.DataFrame(list(sheet)).replace("", None)
    table = table[table["sample"].isin(set(calls["sample"]))]
    kinds = {}
    for column in table.columns.drop(["sample", "patient", "path", "column"], errors="ignore"):
        values = table[column].dropna()
        if values.nunique() < 2:
            continue
        numeric = pd.to_numeric(values, errors="coerce").notna().all()
        if numeric and values.nunique() > 6:
            kinds[column] = "number"
        elif values.nunique() <= min(20, max(2, len(values) * 2 // 3)):
            kinds[column] = "category"
    return kinds


def chart_specs(tables: Mapping[str, pd.DataFrame], kinds: Mapping[str, str], on_activity: float) -> dict[str, dict]:
    """Build the specification of every chart the cohort has data for."""
    calls, profiles = tables["calls"], tables["activation_profiles"]
    samples = len(calls)
    names = shown_compartments(profiles)
    told = against(profiles, names)
    axes = [axis_name(axis) for axis in ordered_axes(profiles["axis"].unique())]
    specs = {
        "interferon": charts.interferon(on_activity, answers_of(calls), told),
        "heatmap": charts.heatmap(samples, axes, told),
        "card": charts.card(on_activity, axes, names, told),
        "genes": charts_composition.bars(
            "genes",
            "Gene ids",
            "Gene ids of each sample, kept and left out.",
            {"mapped to a symbol": colours.KEPT, "left out or merged": colours.REMOVED},
            samples,
        ),
    }
    if is_split(calls):
        both = against(profiles, names, ("tumour", "microenvironment"))
        for kind in ("call", *sorted(set(kinds.values()))):
            specs[f"compartments:{kind}"] = charts.compartments(on_activity, kind, samples, both)
        specs["composition"] = charts_composition.bars(
            "composition", "Share of the sample", "Composition of each sample.", composition_parts(tables), samples
        )
    else:
        specs["ranked"] = charts.ranked(on_activity, samples, against(profiles, names, ("bulk",)))
    if is_single_cell(tables):
        parts = {"kept": colours.KEPT, "removed": colours.REMOVED}
        words = "Cells of each sample, kept and removed."
        specs["cells"] = charts_composition.bars("cells", "Cells", words, parts, samples)
    if grouped_by(tables):
        specs["groups"] = charts_groups.groups(on_activity, told)
    if arm_names(tables):
        specs["arms"] = charts_composition.arms(samples, arm_names(tables))
    if selfcheck.is_tested(tables):
        specs["selfcheck"] = selfcheck.chart()
    if "phospho" in tables:
        specs["phospho"] = charts.phospho()
    return specs


def is_single_cell(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Tell whether the cohort has cells."""
    return "cells_in" in tables["qc"]


def composition_parts(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Name the parts of a sample and their colours; the last is what no compartment got."""
    rest = "uncertain" if is_single_cell(tables) else "not assigned"
    return {**colours.COMPOSITION, rest: colours.UNCALLED}


def arm_names(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """List the chromosome arms of the cohort in the order of the genome; empty where there is nothing to show."""
    if "arms" not in tables:
        return []

    def place(arm: str) -> tuple[int, str]:
        chromosome = arm[:-1]
        return int(chromosome) if chromosome.isdigit() else 100, arm

    return sorted(tables["arms"]["arm"].dropna().unique(), key=place)


def grouped_by(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """List the columns of the sheet whose groups were compared."""
    return list(tables["groups"]["column"].unique())


def shown_compartments(profiles: pd.DataFrame) -> dict[str, str]:
    """Name the compartments of the profiles in words, in the order of the page."""
    present = set(profiles["compartment"])
    return {name: words for name, words in evidence.COMPARTMENTS.items() if name in present}


def is_split(calls: pd.DataFrame) -> bool:
    """Tell whether compartments were looked at, even where all of them turned out unknown."""
    return not calls["reason_codes"].fillna("").str.split(";").map(lambda codes: "BULK_ONLY" in codes).all()


def answers_of(calls: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return what is asked first of a sample: its call, or, where nothing was split, the state of the whole sample."""
    return evidence.CALLS if is_split(calls) else evidence.STATES


def reference_words(config: Mapping) -> str:
    """Say in words what a sample is compared with."""
    activity = config["activity"]
    if activity["reference"] == "cohort":
        return (
            "the other samples of this cohort, compartment by compartment. An activity of 0 is typical of this "
            "cohort, not absent; in another cohort the same sample can have another value."
        )
    split = ""
    if is_split_from_bulk(config):
        split = (
            " Tumour and microenvironment, which were estimated from bulk, are compared with the cohort itself all "
            "the same; only the unsplit sample is compared as said here."
        )
    if activity["reference"] == "controls":
        strata = f", of the same {' and '.join(activity['strata'])}" if activity["strata"] else ""
        words = (
            f"this cohort's control samples ({activity['controls']}){strata}. An activity of 0 is that of a control."
        )
        return words + split
    return (
        f"a frozen reference ({activity['reference']}). Adding samples does not change a score, and cohorts that use "
        f"the same reference can be compared.{split}"
    )


def rival_words(config: Mapping) -> str:
    """Name the rival axes in a sentence."""
    names = [axis_name(axis) for axis in config["activity"]["rivals"]]
    names = [name if name.isupper() or name.startswith("NF") else name[0].lower() + name[1:] for name in names]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def facts(config: Mapping, tables: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """Gather the first lines of the page: what was measured, in whom, against what."""
    calls, profiles = tables["calls"], tables["activation_profiles"]
    kind = {"bulk": "bulk samples", "single_cell": "single cells"}[config["expression"]["type"]]
    return [
        ("Cohort", config["cohort"]),
        ("Source", config["report"]["source"] or "not given"),
        ("Samples", f"{len(calls)} of {calls['patient'].nunique()} patients"),
        ("Measured", f"{kind}, scale: {config['expression']['scale']}"),
        (
            "Activities are",
            against(profiles, shown_compartments(profiles)).removeprefix("Activity: ").replace("\n", " "),
        ),
    ]


def about(config: Mapping, tables: Mapping[str, pd.DataFrame], kinds: Mapping[str, str], pictures: Pictures) -> dict:
    """Gather what the page's JavaScript needs beside the tables."""
    profiles = tables["activation_profiles"]
    axes = ordered_axes(profiles["axis"].unique())
    compartments = shown_compartments(profiles)
    single_cell = config["expression"]["type"] == "single_cell"
    return {
        "cohort": config["cohort"],
        "split": is_split(tables["calls"]),
        "answer_column": "call" if is_split(tables["calls"]) else "bulk_state",
        "answers": list(answers_of(tables["calls"])),
        "calls": list(evidence.CALLS),
        "words": {**evidence.STATES, **evidence.CALLS},
        "compartments": compartments,
        "axes": {axis: axis_name(axis) for axis in axes},
        # Objects lose their order in sorted JSON; the order of a list is kept.
        "compartment_order": list(compartments),
        "axis_order": axes,
        "stat3": CORE_AXIS,
        "panels": voting_panels(config["tumour_type"]),
        "interferon": INTERFERON_AXIS,
        "rivals": list(config["activity"]["rivals"]),
        "reasons": {**evidence.REASONS, **CELL_REASONS},
        "conditions": evidence.conditions(config["profiles"], is_split(tables["calls"]) and not single_cell),
        "level": config["activity"]["confidence_level"],
        "min_recovery": config["compartments"]["min_recovery"],
        "selfcheck": selfcheck.MEASURES,
        "metadata": dict(kinds),
        "groups": grouped_by(tables),
        "composition": list(composition_parts(tables)),
        "arms": arm_names(tables),
        "linked_pictures": pictures.linked,
        "tables": {name: columns.TABLES[name].path for name in tables if name in columns.TABLES},
        "charts": chart_specs(tables, kinds, config["profiles"]["on_activity"]),
    }


def described_tables(tables: Mapping[str, pd.DataFrame]) -> list[dict]:
    """Gather the column descriptions: every table of the contract, those on the page with their actual columns."""
    result = []
    for name, table in columns.TABLES.items():
        listed = tables[name].columns if name in tables else table.columns
        known = {**table.columns, **columns.ALSO}
        rows = [(column, *known.get(column, ("Not described.", ""))) for column in listed]
        result.append({"name": name, "path": table.path, "row": table.row, "columns": rows, "here": name in tables})
    return result


def cohort_words(config: Mapping, tables: Mapping[str, pd.DataFrame]) -> dict:
    """Gather the words and facts of the cohort that the template shows."""
    return {
        "title": config["report"]["title"] or config["cohort"],
        "facts": facts(config, tables),
        "level": f"{100 * config['activity']['confidence_level']:g}",
        "compared": reference_words(config),
        "rivals": rival_words(config),
        "answers": [(code, words["name"], words["meaning"]) for code, words in answers_of(tables["calls"]).items()],
        "split": is_split(tables["calls"]),
        "single_cell": is_single_cell(tables),
        "arms": bool(arm_names(tables)),
        "lesions": not tables["lesions"].empty,
        "grouped": bool(grouped_by(tables)),
        "reference_lines": reference_lines(tables),
        "interaction_lines": interaction_lines(tables),
        "labelled": "agreement" in tables and not tables["agreement"].empty,
        "cell_reasons": CELL_REASONS,
        "selfcheck": selfcheck.sentences(config, tables),
        "tested": selfcheck.is_tested(tables),
        "names": sorted(tables),
    }


def sheet_text(sheet: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Write the sample sheet as one more embedded table; nothing where there is none."""
    return {"sheet": pd.DataFrame(list(sheet)).to_csv(sep="\t", index=False, lineterminator="\n")} if sheet else {}


def template_of(text: str) -> jinja2.Template:
    """Compile a template that escapes what it is given and fails on what it is not given."""
    strict = {"autoescape": True, "undefined": jinja2.StrictUndefined}
    return jinja2.Environment(**strict, trim_blocks=True, lstrip_blocks=True).from_string(text)


def render(
    texts: Mapping[str, str],
    config: Mapping,
    provenance: Mapping,
    sheet: Sequence[Mapping[str, str]],
    parts: Mapping[str, str],
    vega: str,
    pictures: Pictures = NO_PICTURES,
) -> str:
    """Write the page.

    Parameters
    ----------
    texts
        Name of each table (a key of `columns.TABLES`) to the text of its file. ``calls``, ``activation_profiles``,
        ``drivers``, ``lesions``, ``groups``, ``qc`` and ``composition`` are needed; ``phospho`` and ``expected``, for
        single cells ``clusters``, ``agreement`` and ``arms``, and for a bulk split ``selfcheck``, ``calibration`` and
        ``purity``, are shown where they are given.
    config
        The effective configuration.
    provenance
        What `stat3act.report.provenance.record` returned.
    sheet
        Rows of the sample sheet, for colouring and cards.
    parts
        ``template``, ``style`` and ``script``: what `stat3act.report.parts.read_parts` returned.
    vega
        JavaScript of Vega, Vega-Lite and Vega-Embed.
    pictures
        Pictures of the cells of each sample.

    Returns
    -------
    The whole HTML page.
    """
    tables = {name: table_of(text) for name, text in texts.items()}
    kinds = metadata_kinds(sheet, tables["calls"])
    scripts = closed(vega, parts["script"])
    return template_of(parts["template"]).render(
        **cohort_words(config, tables),
        csp=CSP.format(hashes=" ".join(script_hash(script) for script in scripts)),
        config=config,
        describe=described_tables(tables),
        methods=methods_paragraphs(config, provenance),
        citations=references(config),
        provenance=provenance,
        css=parts["style"],
        scripts=scripts,
        about=script_json(about(config, tables, kinds, pictures)),
        pictures=pictures,
        packed={name: pack(text) for name, text in sorted({**texts, **sheet_text(sheet)}.items())},
    )
