# How does a person see it?
#
# INPUTS
#     <results>/profiles/*.tsv                     calls, activation profiles, drivers, lesions, groups
#     <results>/expression/qc.tsv                  what was measured, before and after quality control
#     <results>/compartments/composition.tsv       cells and fractions of every compartment
#     <results>/compartments/{platform,reference_check}.tsv  bulk with a reference: how well it explains the samples
#     <results>/compartments/purity_interaction.tsv  bulk without one: activity against purity, of the cohort
#     <results>/compartments/{clusters,agreement,arms}.tsv   single cell: clusters, labels, gains and losses
#     <results>/compartments/cells/{sample}.tsv.gz  single cell: labels and map of every cell
#     <results>/compartments/copy_number/{sample}.tsv.gz   single cell: gains and losses of small groups
#     <results>/activity/cells/{sample}.h5ad       single cell: activity of every cell
#     <results>/validation/*.tsv                   where the config names a truth
#     <results>/networks/network.json              hash and checks of the axes
#     <results>/code_names.tsv                     where the report is to show codes: see report_code.smk
#     workflow/report/page*                        template, style and scripts of the page
# OUTPUTS
#     <results>/report/cells/{sample}.png          single cell: picture of the cells of a sample
#     <results>/report/report.html                 the page: one file, opens from disk without a network
#     <results>/report/methods.md                  methods text with citations
#     <results>/report/<cohort>_mqc.tsv            quality of the samples, as custom content of MultiQC
#     <results>/provenance.json                    inputs with sha256, config, network, code, versions, seed
#     <results>/config.yaml                        the configuration with every default filled in
#     <results>/ro-crate-metadata.json             the run as an RO-Crate (Process Run Crate)
#     <results>/checksums.sha256                   sha256 of every result, for `make verify`
rule report_record:
    input:
        files=[path for name, path in recorded_inputs()],
        network="<results>/networks/network.json",
    output:
        provenance=report(
            "<results>/provenance.json",
            caption="../report/provenance.rst",
            category="Report",
            labels={"item": "Provenance", "cohort": "<cohort>"},
        ),
        config="<results>/config.yaml",
    log:
        "<logs>/report_record.log",
    benchmark:
        "<benchmarks>/report_record.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=1, floor=1000, cap=8000),
        runtime=runtime_for(60),
    params:
        # A change in the code of any rule before it is recorded.
        code=ordered({"report_record": fingerprint("report_record.py"), **CODE}),
        names=[name for name, path in recorded_inputs()],
        settings=ordered(dict(config)),
    script:
        "../scripts/report_record.py"


if SINGLE_CELL:

    rule report_cells:
        input:
            labels="<results>/compartments/cells/{sample}.tsv.gz",
            clusters="<results>/compartments/clusters/{sample}.tsv",
            copy_number="<results>/compartments/copy_number/{sample}.tsv.gz",
            activity="<results>/activity/cells/{sample}.h5ad",
        output:
            picture=report(
                CELL_PICTURE,
                caption="../report/cells.rst",
                category="Compartments",
                labels={"item": "Cells", "sample": "{sample}", "cohort": "<cohort>"},
            ),
        log:
            "<logs>/report_cells/{sample}.log",
        benchmark:
            "<benchmarks>/report_cells/{sample}.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=1500, cap=16000),
            runtime=runtime_for(20),
        params:
            code=fingerprint("report_cells.py"),
            named=not CODED,
        script:
            "../scripts/report_cells.py"


rule report_render:
    input:
        calls="<results>/profiles/calls.tsv",
        activation_profiles="<results>/profiles/activation_profiles.tsv",
        drivers="<results>/profiles/drivers.tsv",
        lesions="<results>/profiles/lesions.tsv",
        groups="<results>/profiles/groups.tsv",
        qc="<results>/expression/qc.tsv",
        composition="<results>/compartments/composition.tsv",
        compartments=compartment_tables(),
        pictures=shown_pictures(),
        code_names=code_names(),
        validation=VALIDATION_OUTPUTS,
        provenance="<results>/provenance.json",
        parts=[bundled(f"workflow/report/{name}") for name in PAGE_FILES],
    output:
        html=report(
            "<results>/report/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"item": "Cohort page", "cohort": "<cohort>"},
        ),
        methods=report(
            "<results>/report/methods.md",
            caption="../report/methods.rst",
            category="Report",
            labels={"item": "Methods text", "cohort": "<cohort>"},
        ),
    log:
        "<logs>/report_render.log",
    benchmark:
        "<benchmarks>/report_render.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=20, floor=2000, cap=16000),
        runtime=runtime_for(30),
    params:
        code=fingerprint("report_render.py", *(f"workflow/report/{name}" for name in PAGE_FILES)),
        samples=sheet_columns(*[column for column in SHEET if column not in ("path", "column")]),
    script:
        "../scripts/report_render.py"


rule report_multiqc:
    input:
        quality="<results>/expression/qc.tsv",
        code_names=code_names(),
    output:
        quality="<results>/report/<cohort>_mqc.tsv",
    log:
        "<logs>/report_multiqc.log",
    benchmark:
        "<benchmarks>/report_multiqc.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=1, floor=1000, cap=8000),
        runtime=runtime_for(10),
    params:
        code=fingerprint("report_multiqc.py"),
        cohort=config["cohort"],
    script:
        "../scripts/report_multiqc.py"


rule report_crate:
    input:
        provenance="<results>/provenance.json",
        results=crate_files(),
    output:
        crate="<results>/ro-crate-metadata.json",
    log:
        "<logs>/report_crate.log",
    benchmark:
        "<benchmarks>/report_crate.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=1, floor=1000, cap=8000),
        runtime=runtime_for(20),
    params:
        code=fingerprint("report_crate.py"),
        version=workflow_version(),
    script:
        "../scripts/report_crate.py"


rule report_checksums:
    input:
        # Intermediates too: `make verify` finds a changed byte in any of them.
        results=result_files(),
    output:
        checksums="<results>/checksums.sha256",
    log:
        "<logs>/report_checksums.log",
    benchmark:
        "<benchmarks>/report_checksums.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=1, floor=1000, cap=8000),
        runtime=runtime_for(60),
    params:
        code=fingerprint("report_checksums.py"),
    script:
        "../scripts/report_checksums.py"
