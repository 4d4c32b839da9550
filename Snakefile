# Start here: `snakemake --cores 2` runs the demo. The workflow itself is workflow/Snakefile.
include: "workflow/Snakefile"


# An include alone would run nothing: it resets the default target.
rule default:
    default_target: True
    input:
        rules.all.input,
