# What a job asks a cluster for. The numbers of the rules were measured: docs/cluster.md has the table.
from snakemake_interface_storage_plugins.exceptions import FileOrDirectoryNotFoundError


def memory_for(factor, floor, cap):
    """Return a memory request in MB: `factor` times the size of the input, at least `floor`, at most `cap`.

    It doubles with each attempt. Inside a group of jobs, what one member will read from another does not exist when
    the group is submitted; its floor counts then, where Snakemake would leave the job out of the group's request.
    """

    def megabytes(wildcards, input, attempt):
        try:
            size = input.size_mb
        except FileOrDirectoryNotFoundError:
            size = 0
        return int(min(cap, max(floor, factor * size) * 2 ** (attempt - 1)))

    return megabytes


def runtime_for(minutes):
    """Return a time limit in minutes that doubles with each attempt."""
    return lambda wildcards, attempt: minutes * 2 ** (attempt - 1)
