# What was measured, in one gene language?
#
# INPUTS
#     the files of the sample sheet             counts, TPM, ... as text, Parquet, h5ad, 10x h5, 10x folder
#     resources/genes/genes.tsv                 the gene language
# OUTPUTS
#     <results>/expression/bulk.h5ad            bulk: one matrix per cohort, samples x symbols, log2
#     <results>/expression/cells/{sample}.h5ad  single cell: the good cells of a sample x symbols, linear
#     <results>/expression/doublets/{sample}.h5ad  the doublets that were removed, in the same form
#     <results>/expression/qc.tsv               what became of the genes and the cells of each sample
if SINGLE_CELL:

    rule expression_filter:
        input:
            matrix=sample_path,
            genes=bundled("resources/genes/genes.tsv"),
        output:
            cells="<results>/expression/cells/{sample}.h5ad",
            doublets="<results>/expression/doublets/{sample}.h5ad",
            quality="<results>/expression/qc/{sample}.tsv",
        log:
            "<logs>/expression_filter/{sample}.log",
        benchmark:
            "<benchmarks>/expression_filter/{sample}.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            # Scrublet's dense matrices need most of it: 4.8 GB for 10,000 cells. A sample's share of the files counts.
            mem_mb=memory_for(
                factor=100 * SHEET["path"].nunique() / len(SHEET),
                floor=6000,
                cap=128000,
            ),
            runtime=runtime_for(60),
        params:
            code=fingerprint("expression_filter.py", "resources/genes/genes.tsv"),
            sample=sample_row(*(["column"] if "column" in SHEET else [])),
            settings=settings(
                "compartments.cell_type_key",
                "compartments.malignant_key",
                "compartments.mutation_key",
                "expression.doublets",
                "expression.gene_column",
                "expression.layer",
                "expression.qc",
                "expression.sample_key",
                "expression.scale",
                "seed",
            ),
        script:
            "../scripts/expression_filter.py"

    rule expression_gather:
        input:
            quality=expand("<results>/expression/qc/{sample}.tsv", sample=SAMPLES),
        output:
            quality=report(
                "<results>/expression/qc.tsv",
                caption="../report/qc.rst",
                category="Quality",
                labels={"item": "Quality of the samples", "cohort": "<cohort>"},
            ),
        log:
            "<logs>/expression_gather.log",
        benchmark:
            "<benchmarks>/expression_gather.tsv"
        localrule: True
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=1000, cap=8000),
            runtime=runtime_for(5),
        params:
            code=fingerprint("expression_gather.py"),
        script:
            "../scripts/expression_gather.py"

else:

    rule expression_harmonise:
        input:
            matrices=sample_paths(),
            genes=bundled("resources/genes/genes.tsv"),
        output:
            cohort="<results>/expression/bulk.h5ad",
            quality=report(
                "<results>/expression/qc.tsv",
                caption="../report/qc.rst",
                category="Quality",
                labels={"item": "Quality of the samples", "cohort": "<cohort>"},
            ),
        log:
            "<logs>/expression_harmonise.log",
        benchmark:
            "<benchmarks>/expression_harmonise.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=3000, cap=128000),
            runtime=runtime_for(60),
        params:
            code=fingerprint("expression_harmonise.py", "resources/genes/genes.tsv"),
            samples=matrix_rows(),
            settings=settings(*(f"expression.{key}" for key in ["gene_column", "layer", "log_offset", "scale"])),
        script:
            "../scripts/expression_harmonise.py"


# Demo only: the samples of the sheet are simulated from the parameter file that expression.simulate names.
if config["expression"]["simulate"]:

    rule expression_simulate:
        input:
            parameters=bundled(f"resources/{config['expression']['simulate']}"),
            genes=bundled("resources/genes/genes.tsv"),
            markers=bundled("resources/markers/lineages.tsv"),
            axes=[bundled("resources/networks/stat3.tsv"), bundled("resources/networks/rivals.tsv")],
        output:
            expression="<results>/expression/simulated/{sample}" + (".h5ad" if SINGLE_CELL else ".tsv.gz"),
        log:
            "<logs>/expression_simulate/{sample}.log",
        benchmark:
            "<benchmarks>/expression_simulate/{sample}.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=1, floor=1500, cap=8000),
            runtime=runtime_for(10),
        params:
            code=fingerprint(
                "expression_simulate.py",
                f"resources/{config['expression']['simulate']}",
                "resources/genes/genes.tsv",
                "resources/markers/lineages.tsv",
                "resources/networks/stat3.tsv",
                "resources/networks/rivals.tsv",
            ),
            settings=settings("expression.type", "seed"),
            sample=sample_row(
                "patient",
                "planted_interferon",
                "planted_microenvironment",
                "planted_nfkb",
                "planted_tumour",
                *([] if SINGLE_CELL else ["purity"]),
            ),
        script:
            "../scripts/expression_simulate.py"
