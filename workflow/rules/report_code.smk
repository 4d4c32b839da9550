# Which code stands for which sample, in a report that is passed on without names? Only with `report.code_names`.
#
# INPUTS
#     <results>/provenance.json            sha256 of the inputs, which the order of the codes is made from
#     <results>/pictures/{sample}.png      single cell: pictures of the cells, outside of the report
# OUTPUTS
#     <results>/code_names.tsv             code of every sample and patient; not part of the report
#     <results>/report/cells/              single cell: the pictures, named by code, and nothing else
if CODED:

    rule report_code:
        input:
            provenance="<results>/provenance.json",
        output:
            # Codes that were given stay, whatever is added to the sheet.
            code_names=update("<results>/code_names.tsv"),
        log:
            "<logs>/report_code.log",
        benchmark:
            "<benchmarks>/report_code.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=1, floor=1000, cap=8000),
            runtime=runtime_for(10),
        params:
            code=fingerprint("report_code.py"),
            samples=sheet_columns("sample", "patient"),
        script:
            "../scripts/report_code.py"

    if SINGLE_CELL:

        rule report_copy:
            input:
                pictures=cell_pictures(),
                code_names=code_names(),
            output:
                # The whole folder, so that pictures of an earlier run with names are gone.
                pictures=directory("<results>/report/cells"),
            log:
                "<logs>/report_copy.log",
            benchmark:
                "<benchmarks>/report_copy.tsv"
            conda:
                "../envs/stat3act.yaml"
            threads: 1
            resources:
                mem_mb=memory_for(factor=1, floor=1000, cap=8000),
                runtime=runtime_for(10),
            params:
                code=fingerprint("report_copy.py"),
            script:
                "../scripts/report_copy.py"
