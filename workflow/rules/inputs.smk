# Where rules find their inputs when that depends on the config.
import re

CODED = config["report"]["code_names"]
# A file below report/ must not be named by the sample where that shows codes.
CELL_PICTURE = "<results>/pictures/{sample}.png" if CODED else "<results>/report/cells/{sample}.png"
# Empty when the cohort brings its own.
FROZEN = str(frozen_reference(config) or "")
# Rules of other modules of the same parent workflow; their results are not ours.
FOREIGN = {known.name for known in workflow.rules}


def sample_path(wildcards):
    """Return the input file of one sample."""
    if wildcards.sample not in SHEET.index:
        raise WorkflowError(
            f"{config['samples']} has no sample '{wildcards.sample}', which a file to make is named after"
        )
    if config["expression"]["simulate"]:
        suffix = "h5ad" if SINGLE_CELL else "tsv.gz"
        return f"<results>/expression/simulated/{wildcards.sample}.{suffix}"
    return data_path(SHEET.at[wildcards.sample, "path"])


def scoring_samples():
    """Return sample, stratum and role of every sample: all that scoring reads from the sheet."""
    activity = config["activity"]
    controls = SHEET.index[is_control(SHEET, activity["controls"])] if activity["reference"] == "controls" else []
    strata = strata_of(config, SHEET)
    return [
        {"control": sample in controls, "sample": sample, "stratum": str(strata[sample])} for sample in sorted(SAMPLES)
    ]


def sample_paths():
    """Return the bulk matrices, each once, in the order of the sheet."""
    if config["expression"]["simulate"]:
        return expand("<results>/expression/simulated/{sample}.tsv.gz", sample=SAMPLES)
    return list(dict.fromkeys(data_path(path) for path in SHEET["path"]))


def matrix_rows():
    """Return each bulk sample with the number of its matrix in `sample_paths` and its name in there."""
    paths = sample_paths()
    numbers = (
        range(len(SAMPLES)) if config["expression"]["simulate"] else map(paths.index, map(data_path, SHEET["path"]))
    )
    names = SHEET["column"] if "column" in SHEET else SHEET["sample"]
    return [
        {"column": str(name or sample), "matrix": int(number), "sample": sample}
        for sample, name, number in zip(SAMPLES, names, numbers, strict=True)
    ]


def labelling_settings(clustering, malignant, *keys):
    """Return what labelling the cells of a sample reads from the config: of two sections only these keys."""
    chosen = {
        "clustering": {key: settings(f"compartments.clustering.{key}") for key in clustering},
        "malignant": {key: settings(f"compartments.malignant.{key}") for key in malignant},
    }
    always = ["cell_type_key", "compare_labels", "malignant_key", "malignant_values", "non_malignant_values"]
    chosen |= {key: settings(f"compartments.{key}") for key in [*always, *keys]}
    return {"compartments": chosen, **settings("expression.scale", "seed", "tumour_type")}


def compartment_tables():
    """Return the tables that the page shows of cells, of a bulk split's reference, or of purity without one."""
    names = ["clusters", "agreement", "arms"] if SINGLE_CELL else ["platform", "reference_check"] if SPLIT else []
    names += ["purity_interaction"] if INTERACTION else []
    return [f"<results>/compartments/{name}.tsv" for name in names]


def cell_pictures():
    """Return the pictures of the cells of all samples, where they are wanted."""
    wanted = SINGLE_CELL and config["report"]["cell_pictures"]
    return expand(CELL_PICTURE, sample=SAMPLES) if wanted else []


def shown_pictures():
    """Return the pictures that the page shows: with code names, the folder of those that are named by code."""
    return ["<results>/report/cells"] if cell_pictures() and CODED else cell_pictures()


def code_names():
    """Return the table of code names, where the report is to show codes."""
    return "<results>/code_names.tsv" if CODED else []


def borrows_normals():
    """Tell whether samples may need normal cells of others: not where labels say all and nothing is compared."""
    compartments = config["compartments"]
    labelled = compartments["cell_type_key"] and compartments["malignant_key"] and not compartments["compare_labels"]
    return compartments["malignant"]["reference"] == "cohort" and not labelled


def side_outputs():
    """Return the files that nothing later needs but users do."""
    own = [] if FROZEN else ["<results>/activity/reference.tsv"]
    if SINGLE_CELL:
        cells = expand("<results>/activity/cells/{sample}.h5ad", sample=SAMPLES)
        return [*own, "<results>/compartments/reference.tsv", *cells, *cell_pictures()]
    return [*own, "<results>/compartments/fractions.tsv"] if SPLIT else own


def reference_paths():
    """Return the references, and after them the maps that Parquet profiles files have beside them."""
    return [str(path) for path in reference_files(config).values()] if SPLIT else []


def split_settings():
    """Return what the split of bulk reads from the config; its self-check reads the same."""
    keys = ["confidence_level", "min_programme_targets", "min_reference_samples", "min_targets", "rivals"]
    return {
        "activity": settings(*(f"activity.{key}" for key in keys)),
        "compartments": settings("compartments.max_purity", "compartments.min_purity"),
        "seed": config["seed"],
    }


def selfcheck_tables():
    """Return the tables of the self-check of the bulk reference, where there is one."""
    names = ["selfcheck", "calibration"] if SPLIT and config["compartments"]["selfcheck"] else []
    return [f"<results>/validation/{name}.tsv" for name in names]


def regulon_path():
    """Return the path of the STAT3 regulon; empty when there is none."""
    if config["networks"]["regulon"] == "collectri":
        return "<results>/networks/collectri.tsv"
    own = regulon_file(config)
    return str(own) if own else []


def recorded_inputs():
    """Return name (as the user wrote it) and path of every file the results were made from, each once."""
    simulated = config["expression"]["simulate"]
    named = {config["samples"]: config["samples"]}
    if simulated:
        named[simulated] = bundled(f"resources/{simulated}")
    else:
        named |= {path: data_path(path) for path in SHEET["path"]}
    if own := regulon_file(config):
        named[config["networks"]["regulon"]] = str(own)
    if config["validation"]["phospho"]:
        named[config["validation"]["phospho"]] = data_path(config["validation"]["phospho"])
    if config["profiles"]["lesions"]:
        named[config["profiles"]["lesions"]] = data_path(config["profiles"]["lesions"])
    if SPLIT:
        named |= {name: str(path) for name, path in reference_files(config).items()}
    if config["compartments"]["celltypist_model"]:
        named[config["compartments"]["celltypist_model"]] = config["compartments"]["celltypist_model"]
    if FROZEN:
        named[config["activity"]["reference"]] = FROZEN
    return sorted(named.items())


def unsplit_outputs():
    """Return the outputs of the unsplit row; a split cohort gets its composition from the deconvolution."""
    outputs = {"expression": "<results>/compartments/expression.h5ad"}
    return outputs if SPLIT else outputs | {"composition": "<results>/compartments/composition.tsv"}


def crate_files():
    """Return the results that the RO-Crate lists: what a reader of them uses, and no intermediates."""
    names = ["profiles/calls.tsv", "profiles/activation_profiles.tsv", "profiles/drivers.tsv", "profiles/lesions.tsv"]
    names += ["profiles/groups.tsv", "profiles/guards.tsv", "profiles/profiles.h5ad", "expression/qc.tsv"]
    names += ["compartments/composition.tsv", "activity/scores.tsv", "networks/axes.tsv", "networks/ligands.tsv"]
    names += ["report/report.html", "report/methods.md", "report/<cohort>_mqc.tsv", "provenance.json", "config.yaml"]
    return [*(f"<results>/{name}" for name in names), *VALIDATION_OUTPUTS]


def targets():
    """Return what a run is for: what people read is made again where it is missing, and intermediates are not."""
    return [*crate_files(), "<results>/ro-crate-metadata.json", "<results>/checksums.sha256", *side_outputs()]


def result_files():
    """Return every file that the rules so far write."""
    patterns = {str(path) for known in workflow.rules if known.name not in FOREIGN for path in known.output}
    # Snakemake has put the constraint of the wildcard into its braces.
    cut = {pattern: re.split(r"\{sample[^}]*\}", pattern) for pattern in patterns}
    return sorted({sample.join(parts) for parts in cut.values() for sample in SAMPLES})
