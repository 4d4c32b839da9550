# What a job asks a cluster for. The numbers of the rules were measured: docs/cluster.md has the table.
import os

from snakemake_interface_storage_plugins.exceptions import FileOrDirectoryNotFoundError


def size_mb(files):
    """Return the size of input files; `files.size_mb` does the same, and starts an event loop for every job."""
    if any(file.is_storage for file in files):
        return files.size_mb
    return sum(os.path.getsize(file) for file in files) / 1024**2


def memory_for(factor, floor, cap):
    """Return a memory request in MB: `factor` times the size of the input, at least `floor`, at most `cap`.

    It doubles with each attempt. Inside a group of jobs, what one member will read from another does not exist when
    the group is submitted; its floor counts then, where Snakemake would leave the job out of the group's request.
    """

    def megabytes(wildcards, input, attempt):
        try:
            size = size_mb(input)
        except (FileNotFoundError, FileOrDirectoryNotFoundError):
            size = 0
        return int(min(cap, max(floor, factor * size) * 2 ** (attempt - 1)))

    return megabytes


def runtime_for(minutes):
    """Return a time limit in minutes that doubles with each attempt."""
    return lambda wildcards, attempt: minutes * 2 ** (attempt - 1)
