# Which signal is tumour, which microenvironment? Bulk; single cells are in compartments.smk.
#
# INPUTS
#     <results>/expression/bulk.h5ad                   bulk samples, linear and log2
#     compartments.reference                           profiles of tumour and microenvironment states
#     <results>/networks/axes.tsv                      the axes
#     <results>/activity/scores.tsv                    unsplit activity, for its relation to purity
#     resources/genes/genes.tsv                        chromosomes of the genes
# OUTPUTS
#     <results>/compartments/expression.h5ad           log2 expression of the unsplit samples
#     <results>/compartments/composition.tsv           fractions of every compartment
#     <results>/compartments/fractions.tsv             mRNA share of every compartment and lineage
#     <results>/compartments/platform.tsv              shift of each gene between bulk and reference
#     <results>/compartments/reference_check.tsv       how well the reference explains each sample, purity, flags
#     <results>/compartments/purity_interaction.tsv    without a reference: activity against purity, of the cohort
#     <results>/compartments/split.tsv                 activity of tumour and microenvironment
if not SINGLE_CELL:

    rule compartments_unsplit:
        input:
            expression="<results>/expression/bulk.h5ad",
        output:
            **unsplit_outputs(),
        log:
            "<logs>/compartments_unsplit.log",
        benchmark:
            "<benchmarks>/compartments_unsplit.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=1500, cap=64000),
            runtime=runtime_for(30),
        params:
            code=fingerprint("compartments_unsplit.py"),
        script:
            "../scripts/compartments_unsplit.py"


if SPLIT:

    rule compartments_deconvolve:
        input:
            expression="<results>/expression/bulk.h5ad",
            reference=reference_paths(),
            axes="<results>/networks/axes.tsv",
            genes=bundled("resources/genes/genes.tsv"),
        output:
            fractions="<results>/compartments/fractions.tsv",
            composition="<results>/compartments/composition.tsv",
            platform="<results>/compartments/platform.tsv",
            reference_check="<results>/compartments/reference_check.tsv",
            fit="<results>/compartments/fit.h5ad",
        log:
            "<logs>/compartments_deconvolve.log",
        benchmark:
            "<benchmarks>/compartments_deconvolve.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=10, floor=2000, cap=64000),
            runtime=runtime_for(60),
        params:
            code=fingerprint("compartments_deconvolve.py", "resources/genes/genes.tsv"),
            references=sum(not path.endswith("_map.tsv") for path in reference_paths()),
            samples=sheet_columns("sample", config["compartments"]["purity_column"]),
            settings=settings(
                "compartments.lineages",
                "compartments.malignant_values",
                "compartments.max_purity",
                "compartments.min_purity",
                "compartments.purity_column",
                "compartments.purity_sd",
                "seed",
            ),
        script:
            "../scripts/compartments_deconvolve.py"

    rule compartments_split:
        input:
            expression="<results>/expression/bulk.h5ad",
            fit="<results>/compartments/fit.h5ad",
            axes="<results>/networks/axes.tsv",
            genes=bundled("resources/genes/genes.tsv"),
        output:
            split=ensure("<results>/compartments/split.tsv", non_empty=True),
        log:
            "<logs>/compartments_split.log",
        benchmark:
            "<benchmarks>/compartments_split.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=2000, cap=64000),
            runtime=runtime_for(60),
        params:
            code=fingerprint("compartments_split.py", "resources/genes/genes.tsv"),
            settings=split_settings(),
        script:
            "../scripts/compartments_split.py"


if INTERACTION:

    rule compartments_interact:
        input:
            scores="<results>/activity/scores.tsv",
        output:
            interaction=ensure("<results>/compartments/purity_interaction.tsv", non_empty=True),
        log:
            "<logs>/compartments_interact.log",
        benchmark:
            "<benchmarks>/compartments_interact.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=1000, cap=16000),
            runtime=runtime_for(10),
        params:
            code=fingerprint("compartments_interact.py"),
            samples=sheet_columns("sample", config["compartments"]["purity_column"]),
            settings=settings("activity.confidence_level", "compartments.purity_column"),
        script:
            "../scripts/compartments_interact.py"
