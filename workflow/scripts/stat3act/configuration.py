"""A cohort's configuration: everything wrong with it in one list, and its defaults filled in.

The JSON Schema says what each key may hold and is the only place of defaults; the checks here that the
schema cannot say are the ones between keys. Every Snakemake job parses this, so it imports little.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from stat3act.problems import Problem, raise_if_any
from stat3act.schema import (
    default_of,
    fill_defaults,
    lookup,
    loose_numbers,
    nearest,
    schema_problems,
    short,
    without_errors,
)

LINEAGES = (
    "fibroblast",
    "endothelial",
    "myeloid",
    "lymphoid",
    "epithelial",
    "melanocytic",
    "glial",
    "erythroid",
    "progenitor",
    "other",
)
RIVALS = ("ifn_stat1", "nfkb", "hypoxia", "proliferation", "dissociation_stress")
SINGLE_CELL_SCALES = ("counts", "tpm")
SINGLE_CELL_ONLY = (
    "expression.sample_key",
    "expression.qc",
    "expression.doublets",
    "compartments.cell_type_key",
    "compartments.celltypist_model",
    "compartments.compare_labels",
    "compartments.malignant_key",
    "compartments.mutation_key",
    "compartments.mutation_values",
    "compartments.non_malignant_values",
    "compartments.clustering",
    "compartments.malignant",
    "compartments.min_cells",
    "report.cell_pictures",
)
BULK_ONLY = (
    "expression.log_offset",
    "compartments.method",
    "compartments.reference",
    "compartments.purity_column",
    "compartments.purity_sd",
    "compartments.min_purity",
    "compartments.max_purity",
)
PHOSPHO_KEYS = (
    "validation.phospho_column",
    "validation.phospho_s727_column",
    "validation.phospho_sample_characters",
)
Parts = tuple[str, str, str, str]


def validate_config(config: Mapping[str, Any], schema: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Check a configuration and fill in its defaults.

    Parameters
    ----------
    config
        The configuration as read from YAML.
    schema
        JSON Schema 2020-12 of the configuration; defaults live only there.
    file
        Name of the configuration file, for the messages.

    Returns
    -------
    A new dict with every key the schema knows.

    Raises
    ------
    InputProblems
        With everything that is wrong, when anything is.
    """
    filled, problems = check_config(config, schema, file)
    raise_if_any(problems)
    assert filled is not None  # without problems there is a configuration
    return filled


def check_config(
    config: Mapping[str, Any], schema: Mapping[str, Any], file: str
) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the configuration with its defaults filled in, and everything that is wrong with it.

    Parameters
    ----------
    config, schema, file
        As in `validate_config`.

    Returns
    -------
    The filled-in configuration and the problems. Where the schema objects to a value, its default stands in
    for it, so that the checks between keys, and of the sample sheet, can still be made and all problems come
    in one list. None instead of a configuration when a key that these checks need is missing.
    """
    if not isinstance(config, Mapping):
        mend = "write `cohort:`, `samples:`, `expression:`"
        return None, [Problem(file, "", short(config), "keys and values", mend)]
    problems = schema_problems(config, schema, file)
    sound = without_errors(config, schema) if problems else config
    filled = fill_defaults(sound, schema)
    if not {"type", "scale"} <= set(filled.get("expression", {})) or "samples" not in filled:
        return None, problems
    problems += [
        Problem(file, f"key `{key}`", str(value), "a finite number", "correct the value")
        for key, value in loose_numbers(filled)
    ]
    known = {problem.where for problem in problems}
    found = [parts for check in CHECKS for parts in check(filled, schema) if parts[0] not in known]
    return filled, problems + [Problem(file, *parts) for parts in found]


# --- what holds between keys: each check yields (where, value, expected, mend) ------------------------------


def _changed(config, schema, keys) -> Iterator[tuple[str, Any]]:
    """Yield the keys whose value is not the default: a copied-out default disturbs nobody."""
    for key in keys:
        value = lookup(config, key)
        if value != default_of(schema, key):
            yield key, value


def _check_type(config, schema) -> Iterator[Parts]:
    kind, scale = config["expression"]["type"], config["expression"]["scale"]
    if kind == "single_cell" and scale not in SINGLE_CELL_SCALES:
        yield (
            "key `expression.scale`",
            repr(scale),
            "counts or tpm, because `expression.type` is single_cell",
            "give the raw counts (or TPM) of the cells, or set `expression.type: bulk`",
        )
    foreign = SINGLE_CELL_ONLY if kind == "bulk" else BULK_ONLY
    other = "single_cell" if kind == "bulk" else "bulk"
    for key, value in _changed(config, schema, foreign):
        yield (
            f"key `{key}`",
            short(value),
            f"no such setting, because `expression.type` is {kind}",
            f"remove it: it means something only with `expression.type: {other}`",
        )
    if config["expression"]["simulate"] and scale != "counts":
        yield (
            "key `expression.scale`",
            repr(scale),
            "counts, because `expression.simulate` makes counts",
            "write `scale: counts`, or remove `simulate`",
        )


def _check_regulon(config, schema) -> Iterator[Parts]:
    networks = config["networks"]
    if networks["regulon"] == "collectri" and not networks["regulon_sha256"]:
        yield (
            "key `networks.regulon_sha256`",
            "nothing",
            "the sha256 of the CollecTRI table, because `networks.regulon` is collectri",
            "give the 64 hexadecimal digits, or the path of a saved table as `networks.regulon`",
        )
    if networks["regulon"] == "none" and networks["regulon_sha256"]:
        yield (
            "key `networks.regulon_sha256`",
            networks["regulon_sha256"],
            "null, because `networks.regulon` is none",
            "remove it, or name the regulon",
        )


def _check_lineages(config, schema) -> Iterator[Parts]:
    section = config["compartments"]
    lineages = section["lineages"]
    placed = section["cell_type_key"] or section["celltypist_model"]
    if lineages and not placed and config["expression"]["type"] == "single_cell":
        yield (
            "key `compartments.cell_type_key`",
            "nothing",
            "the `.obs` column that holds the labels of `compartments.lineages`",
            "name the column, or remove `lineages` to call lineages by marker genes",
        )
    if len(markers := section["malignant"]["markers"]) == 1:
        yield "key `compartments.malignant.markers`", repr(markers[0]), "two genes or more", "add a gene"
    seen: dict[str, str] = {}
    for lineage, labels in lineages.items():
        key = f"key `compartments.lineages.{lineage}`"
        if lineage not in LINEAGES:
            found = nearest(lineage, LINEAGES)
            mend = f"write `{found}`, if that is what is meant" if found else "use `other` for anything else"
            yield key, repr(lineage), "one of " + ", ".join(LINEAGES), mend
        if not labels:
            yield key, "an empty list", "at least one label", "list the labels, or remove the lineage"
        for label in labels:
            if label in seen:
                yield key, repr(label), f"a label of one lineage (it is in `{seen[label]}`)", "keep it in one"
            seen.setdefault(label, lineage)
    both = sorted(set(section["malignant_values"]) & set(section["non_malignant_values"]))
    for value in both:
        yield (
            "key `compartments.non_malignant_values`",
            repr(value),
            "no value that `compartments.malignant_values` has too",
            "keep it in one of the two",
        )


def _check_log_values(config, schema) -> Iterator[Parts]:
    section = config["compartments"]
    expression = config["expression"]
    scale, offset = expression["scale"], expression["log_offset"]
    if offset is not None and scale != "log2":
        yield (
            "key `expression.log_offset`",
            str(offset),
            f"nothing, because `expression.scale` is {scale}",
            "remove it: only log2 values have it",
        )
    split = expression["type"] == "bulk" and section["method"] == "auto" and section["reference"]
    mends = {"log2_ratio": "a ratio to another sample holds no reads: give counts, TPM, FPKM or RSEM"}
    if offset is None:
        mends["log2"] = "write `expression.log_offset: 1` if the values are log2(x + 1), or give the linear values"
    if split and scale in mends:
        yield (
            "key `compartments.reference`",
            short(section["reference"]),
            f"linear values to split; `expression.scale` is {scale}",
            f"{mends[scale]}; without a reference the samples stay unsplit",
        )


def _check_split(config, schema) -> Iterator[Parts]:
    section = config["compartments"]
    if config["expression"]["type"] == "bulk" and section["method"] == "none" and section["reference"]:
        yield (
            "key `compartments.reference`",
            short(section["reference"]),
            "null, because `compartments.method` is none",
            "set `method: auto` to split the samples, or remove `reference`",
        )
    if section["min_purity"] >= section["max_purity"]:
        yield (
            "key `compartments.min_purity`",
            str(section["min_purity"]),
            f"less than `compartments.max_purity` ({section['max_purity']})",
            "lower `min_purity` or raise `max_purity`",
        )


def _check_reference(config, schema) -> Iterator[Parts]:
    section = config["activity"]
    if section["reference"] == "controls" and not section["controls"]:
        yield (
            "key `activity.controls`",
            "nothing",
            "a query that selects the control samples, because `activity.reference` is controls",
            "write for example `controls: condition == 'Mock'`, or set `reference: cohort`",
        )
    # A frozen reference may be stratified: then the sheet must say which stratum a sample belongs to.
    keys = {"controls": (), "cohort": ("controls", "strata")}.get(section["reference"], ("controls",))
    for key in keys:
        if section[key]:
            yield (
                f"key `activity.{key}`",
                short(section[key]),
                f"nothing, because `activity.reference` is {section['reference']}",
                f"set `reference: controls`, or remove `{key}`",
            )
    for number, rival in enumerate(section["rivals"]):
        where = f"key `activity.rivals[{number}]`"
        if rival not in RIVALS:
            found = nearest(rival, RIVALS)
            mend = f"write `{found}`, if that is what is meant" if found else "choose one of these"
            yield where, repr(rival), "one of " + ", ".join(RIVALS), mend
        elif rival in section["rivals"][:number]:
            yield where, repr(rival), "each rival once", "remove the second one"


def _check_thresholds(config, schema) -> Iterator[Parts]:
    section = config["profiles"]
    for key in ("off_ci_high", "on_leave_one_out"):
        if section[key] > section["on_activity"]:
            yield (
                f"key `profiles.{key}`",
                str(section[key]),
                f"at most `profiles.on_activity` ({section['on_activity']})",
                f"lower `{key}` or raise `on_activity`",
            )


def _check_validation(config, schema) -> Iterator[Parts]:
    if config["validation"]["phospho"]:
        return
    for key, value in _changed(config, schema, PHOSPHO_KEYS):
        yield (
            f"key `{key}`",
            short(value),
            "its default, because `validation.phospho` names no table",
            "name the table, or remove this key",
        )


CHECKS = (
    _check_type,
    _check_regulon,
    _check_lineages,
    _check_log_values,
    _check_split,
    _check_reference,
    _check_thresholds,
    _check_validation,
)
