"""A SLURM to test with: the one that runs here already, or one node of our own, with accounting, for the test only."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Debian's packages and what the tests need of each.
PROGRAMS = {
    "munge": ["munged", "mungekey"],
    "mariadb-server": ["mariadbd", "mariadb-install-db", "mariadb"],
    "slurmdbd": ["slurmdbd"],
    "slurm-wlm": ["slurmctld", "slurmd", "sacctmgr", "sbatch", "srun", "sinfo", "sacct"],
}
SYSTEM_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
SECONDS_TO_START = 60


@dataclass(frozen=True)
class Cluster:
    """Where to submit: what the environment must hold, and an account and a partition that are not the default."""

    environment: dict[str, str] = field(repr=False)
    account: str
    partition: str

    def call(self, *command: str) -> str:
        """Return what a command prints, run where the cluster is known."""
        done = subprocess.run(command, env=self.environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def accounting(self, columns: list[str], *arguments: str) -> list[dict[str, str]]:
        """Return what ``sacct`` says with these arguments, one dict per job or, without ``-X``, per job and step."""
        lines = self.call("sacct", "-n", "-P", "-o", ",".join(columns), *arguments).splitlines()
        return [dict(zip(columns, line.split("|"), strict=True)) for line in lines]


def running_cluster() -> Cluster | None:
    """Return the SLURM that this machine belongs to; None where no controller answers."""
    if not shutil.which("sinfo"):
        return None
    partitions = subprocess.run(["sinfo", "-h", "-o", "%R"], capture_output=True, text=True, check=False)
    if partitions.returncode or not partitions.stdout.split():
        return None
    user = ["sacctmgr", "-n", "-P", "show", "user", os.environ.get("USER", "root"), "withassoc", "format=account"]
    accounts = subprocess.run(user, capture_output=True, text=True, check=True).stdout.split()
    return Cluster(dict(os.environ), accounts[-1], partitions.stdout.split()[-1])


def why_not() -> str:
    """Say what keeps us from starting a SLURM here; empty when nothing does."""
    missing = [name for name, needed in PROGRAMS.items() if not all(shutil.which(p, path=SYSTEM_PATH) for p in needed)]
    if missing:
        return f"no SLURM runs here, and to start one these Debian packages are missing: {' '.join(missing)}"
    return "" if os.geteuid() == 0 else "no SLURM runs here, and only root can start one"


@contextmanager
def own_cluster(folder: Path) -> Iterator[Cluster]:
    """Start munge, MariaDB and SLURM with everything they keep in ``folder``; stop exactly these in the end.

    Parameters
    ----------
    folder
        An empty folder which every user may enter (munge refuses others).
    """
    for name in ("munge", "database", "state", "spool", "logs", "bin"):
        (folder / name).mkdir(mode=0o755)
    ports = dict(zip(("database", "slurmdbd", "slurmctld", "slurmd"), free_ports(4), strict=True))
    socket_file = folder / "database/socket"
    write_configuration(folder, ports)
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{SYSTEM_PATH}", "SLURM_CONF": str(folder / "slurm.conf")}
    cluster = Cluster(environment, "pathology", "long")
    with ExitStack() as daemons:

        def start(name: str, arguments: list[str], ready: Callable[[], bool]) -> None:
            daemons.enter_context(daemon([name, *arguments], environment, folder / f"logs/{name}.log", ready))

        key = folder / "munge/key"
        cluster.call("mungekey", "--create", f"--keyfile={key}")
        munge = [f"--{name}-file={folder / 'munge' / name}" for name in ("key", "pid", "log", "seed")]
        munge_socket = folder / "munge/socket"
        start("munged", ["-F", *munge, f"--socket={munge_socket}"], munge_socket.exists)

        data = ["--no-defaults", f"--datadir={folder / 'database/data'}", "--user=root"]
        cluster.call("mariadb-install-db", *data, "--skip-test-db")
        listen = [f"--socket={socket_file}", f"--port={ports['database']}", "--bind-address=127.0.0.1"]
        pid = f"--pid-file={folder / 'database/pid'}"
        start("mariadbd", [*data, *listen, pid, "--innodb-log-file-size=8M"], lambda: listening(ports["database"]))
        sql = "CREATE DATABASE accounting; CREATE USER slurm@localhost IDENTIFIED BY 'slurm'; "
        sql += "GRANT ALL ON accounting.* TO slurm@localhost;"
        cluster.call("mariadb", "--no-defaults", f"--socket={socket_file}", "--user=root", "-e", sql)

        start("slurmdbd", ["-D"], lambda: listening(ports["slurmdbd"]))
        # The controller does not start without a cluster in the database.
        for what in (
            ["cluster", "onenode"],
            ["account", "laboratory,pathology", "cluster=onenode"],
            ["user", "root", "account=laboratory", "defaultaccount=laboratory", "cluster=onenode"],
            ["user", "root", "account=pathology", "cluster=onenode"],
        ):
            cluster.call("sacctmgr", "-i", "add", *what)
        start("slurmctld", ["-D"], lambda: listening(ports["slurmctld"]))
        start("slurmd", ["-D"], lambda: "idle" in cluster.call("sinfo", "-h", "-o", "%T"))
        daemons.callback(stop_jobs, cluster)
        yield cluster


def stop_jobs(cluster: Cluster) -> None:
    """End all jobs of our own cluster: they would survive its daemons."""
    cluster.call("scancel", "--user=root")
    deadline = time.monotonic() + SECONDS_TO_START
    while cluster.call("squeue", "-h") and time.monotonic() < deadline:
        time.sleep(0.5)


def write_configuration(folder: Path, ports: dict[str, int]) -> None:
    """Write the configuration of SLURM and of its accounting."""
    host = socket.gethostname()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    authentication = f"AuthType=auth/munge\nAuthInfo=socket={folder / 'munge/socket'}\n"
    accounting = folder / "slurmdbd.conf"
    accounting.touch(mode=0o600)
    accounting.write_text(
        authentication + f"DbdHost={host}\nDbdAddr=127.0.0.1\nDbdPort={ports['slurmdbd']}\nSlurmUser=root\n"
        f"StorageType=accounting_storage/mysql\nStorageHost=127.0.0.1\nStoragePort={ports['database']}\n"
        f"StorageUser=slurm\nStoragePass=slurm\nStorageLoc=accounting\nPidFile={folder / 'state/slurmdbd.pid'}\n"
    )
    # Memory is measured every second and a job that exceeds its request is killed, without control groups, which
    # containers lack. A job that asks for no memory or time gets next to none: every rule has to say.
    (folder / "slurm.conf").write_text(
        authentication + f"ClusterName=onenode\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\n"
        f"SlurmctldPort={ports['slurmctld']}\nSlurmdPort={ports['slurmd']}\nStateSaveLocation={folder / 'state'}\n"
        f"SlurmctldPidFile={folder / 'state/slurmctld.pid'}\nSlurmdPidFile={folder / 'state/slurmd.pid'}\n"
        f"SlurmdSpoolDir={folder / 'spool'}\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
        "MpiDefault=none\nReturnToService=2\nKillWait=2\nSlurmdParameters=config_overrides\n"
        "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\n"
        f"AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=127.0.0.1\n"
        f"AccountingStoragePort={ports['slurmdbd']}\nAccountingStorageEnforce=associations\n"
        # This is where it wants to be told of munge's socket.
        f"AccountingStoragePass={folder / 'munge/socket'}\n"
        "AccountingStoreFlags=job_comment\nJobAcctGatherType=jobacct_gather/linux\nJobAcctGatherFrequency=task=1\n"
        "JobAcctGatherParams=UsePss,OverMemoryKill\n"
        f"NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={memory}\n"
        f"PartitionName=short Nodes={host} Default=YES DefaultTime=1 MaxTime=1440 DefMemPerCPU=16\n"
        f"PartitionName=long Nodes={host} DefaultTime=1 MaxTime=10080 DefMemPerCPU=16\n"
    )
    # Job steps of the executor plugin drop SLURM_CONF, so their srun would look into /etc/slurm.
    wrapper = folder / "bin/srun"
    wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={folder / "slurm.conf"} exec {shutil.which("srun")} "$@"\n')
    wrapper.chmod(0o755)


def free_ports(number: int) -> list[int]:
    """Return ports that nothing listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def listening(port: int) -> bool:
    """Tell whether something listens on a port of this machine."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def daemon(command: list[str], environment: dict[str, str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """Run a daemon in the foreground of its own session, from when it is ready to the end of the block."""
    # Where the tests are killed, nothing else would end it.
    bound = ["setpriv", "--pdeathsig", "TERM", "--", *command]
    with log.open("w") as sink:
        process = subprocess.Popen(bound, env=environment, stdout=sink, stderr=sink, start_new_session=True)
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
