"""What the machine can deny a job: memory, room on a disk, the right to write, the network.

Said in words, with the setting that helps, instead of a traceback.
"""

import errno
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

GB = 1 << 30
CGROUPS = Path("/sys/fs/cgroup")
# Number of a system error -> what it is, and what helps.
DISK = {
    errno.ENOSPC: ("no space left on the disk", "free space on it, or move the project to a larger one"),
    errno.EDQUOT: ("the disk quota is used up", "free space, or ask for a larger quota"),
    errno.EFBIG: ("a file became larger than is allowed", "raise the limit (`ulimit -f`)"),
    errno.EROFS: ("the disk is read-only", "make it writable, or run in a folder that is"),
    errno.EACCES: ("permission denied", "give yourself the right to read and write there"),
    errno.EPERM: ("permission denied", "give yourself the right to read and write there"),
    errno.EIO: ("the disk failed to read or write", "look after the disk; copy the project to another one"),
    errno.ESTALE: ("a network disk was disconnected", "wait until it is back"),
}
AGAIN = "run the same command again: finished results are kept, nothing half-written is"


def _cgroup_files() -> Iterator[Path]:
    """Yield the files that may hold the memory limit of this process's control group, version 2 or 1."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        root, name = CGROUPS, "memory.max"
        if controllers:
            root, name = CGROUPS / "memory", "memory.limit_in_bytes"
        if controllers in ("", "memory"):
            # A group is bound by the groups around it, too.
            inner = root / group.strip("/")
            yield from (path / name for path in (inner, *inner.parents) if path.is_relative_to(root))


def memory_limits() -> dict[str, int]:
    """Return what bounds the memory of this process, in bytes, by name; empty where that cannot be known."""
    import resource

    limits = {"the address space (ulimit -v)": resource.getrlimit(resource.RLIMIT_AS)[0]}
    if sys.platform == "linux":
        limits["the memory of the machine"] = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        groups = [path.read_text().strip() for path in _cgroup_files() if path.is_file()]
        limits["the control group (container or cluster job)"] = min(
            (int(text) for text in groups if text != "max"), default=resource.RLIM_INFINITY
        )
    # Version 1 writes "no limit" as a number just below 2 to the 63.
    return {name: size for name, size in limits.items() if 0 < size < 1 << 62}


def hold_memory() -> None:
    """Let a job that asks for more memory than there is fail with a MemoryError, which the kernel's kill is not.

    The limit is on private writable memory (RLIMIT_DATA, Linux 4.7 and later), and as high as the machine or the
    control group: a job that stays below loses nothing.
    """
    if sys.platform != "linux":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [*memory_limits().values(), *(size for size in (soft, hard) if size != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))


def _settings(rule: str, mem_mb: object = "<MB>") -> str:
    return (
        f"      setting:  resource mem_mb of the rule {rule}: --set-resources {rule}:mem_mb={mem_mb}\n"
        "                (or set-resources in a profile). On a cluster a job gets that much. On one machine\n"
        "                run fewer jobs at once: --cores 1, or --resources mem_mb=<MB of the machine>"
    )


def out_of_memory(error: MemoryError, rule: str, resources: Mapping) -> str:
    """Say that a job got no more memory: what it had asked for, what the limit is, and which setting helps."""
    limits = memory_limits()
    name = min(limits, key=limits.get) if limits else "unknown"
    size = f"{limits[name] / GB:.1f} GB, {name}" if limits else name
    asked = resources.get("mem_mb")
    return (
        f"Out of memory in the rule {rule}: {str(error) or 'no more memory was given'}\n"
        f"      limit:    {size}\n"
        f"      resource: mem_mb, {asked} now\n"
        f"{_settings(rule, 2 * asked if isinstance(asked, int) else '<MB>')}\n"
        f"      then:     {AGAIN}"
    )


def killed(rule: str) -> str:
    """Say that a job was killed before it could say why."""
    return (
        f"The rule {rule} was killed before it could say why, most often by the kernel or the\n"
        "cluster, because the jobs took more memory than there is.\n"
        f"{_settings(rule)}\n"
        f"      then:     {AGAIN}"
    )


def _system_error(error: BaseException) -> int | None:
    """Return the number of the system error behind an exception; HDF5 has it in its text, of several kinds."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = re.search(r"errno = (\d+),", str(error))
    return int(found[1]) if found else None


def _download_broke(error: BaseException) -> bool:
    requests = sys.modules.get("requests")
    return requests is not None and isinstance(error, requests.RequestException)


def explain(error: BaseException, rule: str, resources: Mapping) -> str | None:
    """Say in words what the machine denied; None for an error of another kind.

    Parameters
    ----------
    error
        What ended a script.
    rule
        Name of the rule.
    resources
        Resources of the job; ``mem_mb`` is named.
    """
    if isinstance(error, MemoryError):
        return out_of_memory(error, rule, resources)
    if _download_broke(error):
        return (
            f"The download of the rule {rule} broke off: {error}\n"
            "      state:    nothing of it was kept\n"
            "      mend:     see that the network is there, or give the path of a copy as networks.regulon\n"
            f"      then:     {AGAIN}"
        )
    number = _system_error(error)
    if number not in DISK:
        return None
    what, mend = DISK[number]
    # HDF5 describes its file over several lines.
    said = " ".join(str(error).split())[:300]
    lines = (f"The rule {rule} could not go on: {what}", f"found:    {said}", f"mend:     {mend}", f"then:     {AGAIN}")
    return "\n      ".join(lines)
