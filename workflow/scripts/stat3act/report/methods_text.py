"""The methods text of a cohort, written from its effective configuration and the versions that made it."""

from collections.abc import Mapping

from stat3act.activity.inflation import MODULE_SHARE

# Every entry was looked up; a key is what `_keys` chooses by.
CITATIONS = {
    "schaafsma": "Schaafsma E, Yuan Y, Zhao Y, Cheng C. Computational STAT3 activity inference reveals its roles in "
    "the pancreatic tumor microenvironment. Sci Rep 2019. doi:10.1038/s41598-019-54791-x",
    "decoupler": "Badia-i-Mompel P, et al. decoupleR: ensemble of computational methods to infer biological "
    "activities from omics data. Bioinformatics Advances 2022;2:vbac016. doi:10.1093/bioadv/vbac016",
    "collectri": "Müller-Dott S, et al. Expanding the coverage of regulons from high-confidence prior knowledge for "
    "accurate estimation of transcription factor activities. Nucleic Acids Res 2023;51:10934-10949. "
    "doi:10.1093/nar/gkad841",
    "scanpy": "Wolf FA, Angerer P, Theis FJ. SCANPY: large-scale single-cell gene expression data analysis. Genome "
    "Biol 2018;19:15. doi:10.1186/s13059-017-1382-0",
    "heumos": "Heumos L, et al. Best practices for single-cell analysis across modalities. Nat Rev Genet "
    "2023;24:550-572. doi:10.1038/s41576-023-00586-w",
    "scrublet": "Wolock SL, Lopez R, Klein AM. Scrublet: computational identification of cell doublets in single-cell "
    "transcriptomic data. Cell Syst 2019;8:281-291. doi:10.1016/j.cels.2018.11.005",
    "leiden": "Traag VA, Waltman L, van Eck NJ. From Louvain to Leiden: guaranteeing well-connected communities. Sci "
    "Rep 2019;9:5233. doi:10.1038/s41598-019-41695-z",
    "celltypist": "Domínguez Conde C, et al. Cross-tissue immune cell analysis reveals tissue-specific features in "
    "humans. Science 2022;376:eabl5197. doi:10.1126/science.abl5197",
    "soupx": "Young MD, Behjati S. SoupX removes ambient RNA contamination from droplet-based single-cell RNA "
    "sequencing data. GigaScience 2020;9:giaa151. doi:10.1093/gigascience/giaa151",
    "infercnvpy": "infercnvpy: infer copy number variation from scRNA-seq data. github.com/icbi-lab/infercnvpy",
    "tirosh": "Tirosh I, et al. Dissecting the multicellular ecosystem of metastatic melanoma by single-cell RNA-seq. "
    "Science 2016;352:189-196. doi:10.1126/science.aad0501",
    "squair": "Squair JW, et al. Confronting false discoveries in single-cell differential expression. Nat Commun "
    "2021;12:5692. doi:10.1038/s41467-021-25960-2",
    "bayesprism": "Chu T, Wang Z, Pe'er D, Danko CG. Cell type and gene expression deconvolution with BayesPrism "
    "enables Bayesian integrative analysis across bulk and single-cell RNA sequencing in oncology. Nat Cancer "
    "2022;3:505-517. doi:10.1038/s43018-022-00356-3",
    "lei": "Lei J, G'Sell M, Rinaldo A, Tibshirani RJ, Wasserman L. Distribution-free predictive inference for "
    "regression. J Am Stat Assoc 2018;113:1094-1111. doi:10.1080/01621459.2017.1307116",
    "scdrs": "Zhang MJ, et al. Polygenic enrichment distinguishes disease associations of individual cells in "
    "single-cell RNA-seq data. Nat Genet 2022;54:1572-1580. doi:10.1038/s41588-022-01167-z",
    "bh": "Benjamini Y, Hochberg Y. Controlling the false discovery rate. J R Stat Soc B 1995;57:289-300. "
    "doi:10.1111/j.2517-6161.1995.tb02031.x",
    "snakemake": "Mölder F, et al. Sustainable data analysis with Snakemake. F1000Research 2021;10:33. "
    "doi:10.12688/f1000research.29032.2",
    "umap": "McInnes L, Healy J, Saul N, Grossberger L. UMAP: Uniform Manifold Approximation and Projection. J Open "
    "Source Softw 2018;3:861. doi:10.21105/joss.00861",
    "matplotlib": "Hunter JD. Matplotlib: a 2D graphics environment. Comput Sci Eng 2007;9:90-95. "
    "doi:10.1109/MCSE.2007.55",
    "altair": "VanderPlas J, et al. Altair: interactive statistical visualizations for Python. J Open Source Softw "
    "2018;3:1057. doi:10.21105/joss.01057",
    "vegalite": "Satyanarayan A, Moritz D, Wongsuphasawat K, Heer J. Vega-Lite: a grammar of interactive graphics. "
    "IEEE Trans Vis Comput Graph 2017;23:341-350. doi:10.1109/TVCG.2016.2599030",
}

SCALES = {
    "counts": "raw counts",
    "tpm": "TPM",
    "fpkm": "FPKM",
    "rsem": "RSEM-normalised values",
    "log2": "log2 values",
    "log2_ratio": "log2 ratios",
}


def _is_single_cell(config: Mapping) -> bool:
    return config["expression"]["type"] == "single_cell"


def _keys(config: Mapping) -> list[str]:
    """Choose the citations that apply to a configuration, in the order of the text."""
    keys = []
    if _is_single_cell(config):
        keys += ["scanpy", "heumos"]
        if _doublets(config):
            keys.append("scrublet")
        if not config["compartments"]["cell_type_key"]:
            keys += ["leiden", *(["celltypist"] if config["compartments"]["celltypist_model"] else [])]
        if _uses_copy_number(config["compartments"], config["tumour_type"]):
            keys += ["infercnvpy", "tirosh"]
        keys += ["squair", *(["soupx"] if config["expression"]["scale"] == "counts" else [])]
    elif is_split_from_bulk(config):
        keys += ["bayesprism", *(["lei"] if config["compartments"]["selfcheck"] else [])]
    keys += ["decoupler", "schaafsma"]
    if config["networks"]["regulon"] == "collectri":
        keys.append("collectri")
    keys += ["scdrs", "bh", "snakemake", "altair", "vegalite"]
    if _has_pictures(config):
        keys += ["umap", "matplotlib"]
    return list(dict.fromkeys(keys))


def _has_pictures(config: Mapping) -> bool:
    return _is_single_cell(config) and config["report"]["cell_pictures"]


def _doublets(config: Mapping) -> bool:
    expression = config["expression"]
    return expression["doublets"]["method"] == "scrublet" and expression["scale"] == "counts"


def is_split_from_bulk(config: Mapping) -> bool:
    """Tell whether tumour and microenvironment were estimated from bulk."""
    compartments = config["compartments"]
    return not _is_single_cell(config) and compartments["method"] == "auto" and bool(compartments["reference"])


def references(config: Mapping) -> list[str]:
    """List the citations of the methods text, numbered by their place."""
    return [CITATIONS[key] for key in _keys(config)]


def _expression_text(config: Mapping, cite) -> str:
    expression, scale = config["expression"], SCALES[config["expression"]["scale"]]
    genes = "Gene ids were harmonised to one symbol through a bundled gene table"
    if not _is_single_cell(config):
        return f"Bulk expression was read as {scale}. {genes}."
    qc = expression["qc"]
    counts = f"fewer than {qc['min_counts']} counts, " if expression["scale"] == "counts" else ""
    text = (
        f"Single-cell expression was read as {scale}. {genes}. Cells were removed with {counts}fewer than "
        f"{qc['min_genes']} genes, more than {qc['max_mitochondrial_percent']:g} % mitochondrial counts, log counts or "
        f"log genes more than {qc['mads']:g} MADs from the sample's median, or a mitochondrial share more than "
        f"{qc['mitochondrial_mads']:g} MADs above it {cite('scanpy', 'heumos')}."
    )
    if _doublets(config):
        doublets = expression["doublets"]
        text += (
            f" Doublets were removed with Scrublet at an expected rate of {doublets['expected_rate']:g} in samples "
            f"with at least {doublets['min_cells']} cells {cite('scrublet')}."
        )
    return text


def _lineages_text(part: Mapping, cite) -> str:
    if part["cell_type_key"]:
        return f"Lineages were taken from the label {part['cell_type_key']!r}"
    resolution = part["clustering"]["resolution"]
    clusters = f"Cells were clustered (Leiden, resolution {resolution:g}) {cite('leiden')} and each cluster"
    if part["celltypist_model"]:
        return f"{clusters} was given the lineage that most of its cells had by a CellTypist model {cite('celltypist')}"
    return (
        f"{clusters} was given the lineage of its marker genes by gene-standardised scores, with a lead of at "
        f"least {part['clustering']['margin']:g}"
    )


def _malignant_text(part: Mapping, tumour_type: str, cite) -> str:
    if part["malignant_key"]:
        return f"malignant cells from the label {part['malignant_key']!r}"
    given = part["malignant"]
    if not _uses_copy_number(part, tumour_type):
        return "malignant blood cells were not told from normal ones, and such cells entered neither compartment"
    others = (
        " and, where a sample has too few of them, those of other samples" if given["reference"] == "cohort" else ""
    )
    further = [
        *(["mutations seen in single cells"] if part["mutation_key"] else []),
        *([f"marker genes ({', '.join(given['markers'])})"] if given["markers"] else []),
    ]
    return (
        f"malignant cells were called by copy number, from windows of {given['window_size']} genes as infercnvpy makes "
        f"them, against the sample's own normal lineages{others} {cite('infercnvpy', 'tirosh')}: clusters with gains "
        "or losses beyond genes shuffled within bins of expression and beyond normal cells, then each cell by its "
        f"resemblance to its clone (posterior at least {given['probability']:g})"
        + (f"; where copy number was silent, by {' and '.join(further)}" if further else "")
        + "; cells that could not be called entered neither compartment"
    )


def _uses_copy_number(part: Mapping, tumour_type: str) -> bool:
    return not part["malignant_key"] and (tumour_type != "haematological" or bool(part["malignant"]["candidates"]))


def _guards_text(config: Mapping, cite) -> str:
    if config["expression"]["scale"] != "counts":
        return ""
    return (
        " Every compartment was scored once more without ambient RNA, whose profile is the sum over the sample's cells "
        f"and whose share was read from genes that the compartment's cells cannot make {cite('soupx')}, and with the "
        "doublets that had been removed; calls that this would change are flagged."
    )


def _selfcheck_text(config: Mapping, cite) -> str:
    part = config["compartments"]
    if not part["selfcheck"]:
        return " The reference was not tested and intervals were not calibrated; calls have low confidence for that."
    return (
        " The reference was tested on mixtures of its own tumours, patients left out in turn, at the depth, purity and "
        "platform shift of the cohort, with planted activity and as they are. Intervals are the estimate plus and "
        "minus the split-conformal quantile of its distance from the score of the compartment's own profile, by bin of "
        f"estimated purity {cite('lei')}; compartments were left unknown at purities at which the rank correlation of "
        f"the two was below {part['min_recovery']:g}. A reference with tumours of one patient cannot be tested: "
        "intervals are then not calibrated, and calls have low confidence."
    )


def _compartments_text(config: Mapping, cite) -> str:
    part = config["compartments"]
    if _is_single_cell(config):
        malignant = _malignant_text(part, config["tumour_type"], cite)
        return (
            f"{_lineages_text(part, cite)}; {malignant}. Counts were summed per sample and "
            f"compartment, so that samples and not cells are the unit of every statistic {cite('squair')}; "
            f"compartments with fewer than {part['min_cells']} cells were left unknown.{_guards_text(config, cite)}"
        )
    if is_split_from_bulk(config):
        return _split_text(config, cite)
    if part["purity_column"]:
        return (
            "Samples were not split into compartments: activities are those of the whole sample. Over the cohort they "
            f"were regressed on the given purity ({part['purity_column']}; least squares, HC3 errors), which says "
            "nothing of single samples."
        )
    return "Samples were not split into compartments: activities are those of the whole sample."


def _split_text(config: Mapping, cite) -> str:
    """Say how bulk samples were split."""
    part = config["compartments"]
    return (
        f"Fractions of the reference's cell states ({_reference_names(part)}) were estimated per sample by expectation "
        f"maximisation, under the model of BayesPrism {cite('bayesprism')}, with a platform shift of each gene between "
        f"bulk and reference estimated from the cohort's medians.{_purity_text(part)} How well the reference explains "
        "each sample was compared with mixtures of tumours left out of it. What tumour and microenvironment of each "
        "sample express was reconstructed from the log ratio of the bulk to its expectation: responses common to the "
        "targets of an axis, in proportion to the tumour's share in each target and to the rest, with learned strength "
        "for each target, and each gene's own departure, with variances learned from the cohort. The reconstructed "
        "profiles were read beside the rival axes; attributed expression was not scored. The tumour was left unknown "
        f"below a purity of {part['min_purity']:g}, the microenvironment above {part['max_purity']:g}. Both are "
        "relative to the cohort, whatever the unsplit sample is compared with; their null is the spread of control "
        "panels of like level, spread and tumour share, without an inflation factor."
        f"{_selfcheck_text(config, cite)}"
    )


def _reference_names(part: Mapping) -> str:
    """Name the references of the bulk split."""
    return part["reference"] if isinstance(part["reference"], str) else ", ".join(part["reference"])


def _purity_text(part: Mapping) -> str:
    """Say how a given purity was combined with the fitted one; nothing where none is given."""
    if not part["purity_column"]:
        return ""
    return (
        f" Purity of the sample sheet ({part['purity_column']}, error {part['purity_sd']:g}) was combined with the "
        "fitted one on the logit scale, each weighted by its error, and the other fractions were fitted again."
    )


def _activity_text(config: Mapping, cite) -> str:
    activity = config["activity"]
    against = {
        "cohort": "the other samples of the cohort",
        "controls": f"the control samples ({activity['controls']})",
    }.get(activity["reference"], f"the frozen reference {activity['reference']}")
    strata = f", within strata of {', '.join(activity['strata'])}" if activity["strata"] else ""
    regulon = config["networks"]["regulon"]
    third = "" if regulon == "none" else " and the STAT3 regulon "
    third += cite("collectri") if regulon == "collectri" else ("" if regulon == "none" else f"({regulon})")
    rivals = ", ".join(activity["rivals"]) or "none"
    also = ""
    if activity["also"]:
        also = (
            f" Scores of {', '.join(activity['also'])} by decoupler {cite('decoupler')} are listed beside the "
            "activity; they are neither adjusted nor calibrated and entered no call."
        )
    return (
        f"Log expression was standardised per gene against {against}{strata} (standard deviations moderated over "
        f"genes of like expression, plus {activity['min_scale']:g} log2 units in quadrature) and limited to "
        f"{activity['clip']:g} standard deviations. STAT3 activity was scored with panels of signed target genes "
        f"(feedback genes, epithelial targets{third.rstrip()}), in the bundled panels weighted by log2(1 + sources). "
        f"The levels of all rival axes ({rivals}) came from one regression on their own genes, after the multivariate "
        f"linear model of decoupler {cite('decoupler')}; a level below the reference counted as zero. What the rivals "
        "explain was subtracted, the genes they share with STAT3 taking a stated part of the level, and the weighted "
        f"sum of the targets was taken over the rest. {_chance_text(activity, cite)} STAT3 itself and its ligands are "
        "in no score. p values are one-sided; q values are corrected per axis over samples and compartments "
        f"{cite('bh')}; intervals have level {activity['confidence_level']:g}. Axes with fewer than "
        f"{activity['min_targets']} measured genes were left unknown. That compartments differ in STAT3 activity was "
        f"shown before from target genes {cite('schaafsma')}.{also}"
    )


def _chance_text(activity: Mapping, cite) -> str:
    # Controls are known not to be active, so that their own spread is chance as well.
    own = ", or the panel's own over the controls where that is larger" if activity["reference"] == "controls" else ""
    return (
        "Its null exchanges the panel's weights with those of genes of like mean and spread, with exact mean and "
        f"variance over all such permutations {cite('scdrs')}. Because targets vary together, the resulting z was "
        "divided by an inflation factor: the root mean square z, over the reference and never below 1, of control "
        f"sets matched gene by gene, {MODULE_SHARE * 100:g} % of whose genes come from one co-expression "
        f"module{own}. Activity is that quotient."
    )


def _calls_text(config: Mapping) -> str:
    rule = config["profiles"]
    lesions = ""
    if rule["lesions"]:
        lesions = (
            " Genetic lesions of the samples were read against a list of alterations that can drive STAT3; they are "
            "named beside a call and entered none."
        )
    return (
        f"A compartment was called ON with an activity of at least {rule['on_activity']:g}, p below "
        f"{rule['on_p']:g}, an interval above 0, at least {rule['on_panels']} panels above 0 and an activity of at "
        f"least {rule['on_leave_one_out']:g} without its strongest gene; OFF with an interval below "
        f"{rule['off_ci_high']:g}, at least {rule['off_coverage'] * 100:g} % of the panel and {rule['off_targets']} "
        "targets measured; otherwise unknown. A call is about transcription, not phosphorylation. It is for research "
        f"use and not predictive of benefit from a STAT3 inhibitor.{lesions}"
    )


def methods_paragraphs(config: Mapping, provenance: Mapping) -> list[str]:
    """Write the methods of a cohort.

    Parameters
    ----------
    config
        The effective configuration.
    provenance
        ``python``, ``packages``, ``network_sha256``, ``code_sha256`` and ``seed`` are used.

    Returns
    -------
    Paragraphs; numbers in brackets are places in `references`.
    """
    keys = _keys(config)

    def cite(*names: str) -> str:
        return "[" + ", ".join(str(keys.index(name) + 1) for name in names) + "]"

    packages = provenance["packages"]
    named = ["decoupler", "scanpy"] if _is_single_cell(config) else ["decoupler"]
    versions = ", ".join(f"{name} {packages[name]}" for name in named if name in packages)
    closing = (
        f"The workflow ran on Snakemake {packages['snakemake']} {cite('snakemake')} and Python {provenance['python']} "
        f"({versions}), seed {provenance['seed']}; gene table of the axes sha256 {provenance['network_sha256'][:12]}, "
        f"code sha256 {provenance['code_sha256'][:12]}. Charts were drawn with Altair and Vega-Lite "
        f"{cite('altair', 'vegalite')}."
    )
    if _has_pictures(config):
        closing += (
            f" Single cells were drawn on UMAP coordinates {cite('umap')} with Matplotlib {cite('matplotlib')}; their "
            "activity is for pictures only."
        )
    if config["profiles"]["groups"]:
        closing = (
            f"Groups of patients ({', '.join(config['profiles']['groups'])}, where given) were compared by "
            "Mann-Whitney or, for patients in both, Wilcoxon signed-rank tests on the mean activity of each patient, "
            f"with Hodges-Lehmann shifts; q values are corrected per axis over all comparisons {cite('bh')}. {closing}"
        )
    return [
        f"{_expression_text(config, cite)} {_compartments_text(config, cite)}",
        _activity_text(config, cite),
        _calls_text(config),
        closing,
    ]


def methods_markdown(config: Mapping, provenance: Mapping) -> str:
    """Write the methods text with its references as Markdown."""
    lines = [f"# Methods: {config['cohort']}", ""]
    for paragraph in methods_paragraphs(config, provenance):
        lines += [paragraph, ""]
    lines += ["## References", ""]
    lines += [f"{number}. {reference}" for number, reference in enumerate(references(config), 1)]
    return "\n".join(lines) + "\n"
