"""What this machine is, and what its kernel says of processes: CPU time, memory, context switches, bytes written."""

import functools
import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


def _said(argv: list[str]) -> str:
    """What a command prints, both streams; "" where it is not there or fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip() if done.returncode == 0 else ""


def _processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def filesystem(path) -> str:
    """The type of the filesystem that a path is on."""
    return _said(["stat", "-f", "-c", "%T", str(path)]) or "unknown"


@functools.cache
def describe() -> dict:
    """What every result carries, so that a figure is never seen without it."""
    memory_kb = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    debian = pathlib.Path("/etc/debian_version")
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{memory_kb / 2**20:.0f} GiB",
        "kernel": platform.release(),
        "system": f"Debian {debian.read_text().strip()}" if debian.exists() else platform.platform(),
        "holdfast": _said([str(ROOT / "build/holdfast"), "--version"]).removeprefix("holdfast ") or "not built",
        "commit": _commit(),
    }


def _commit() -> str:
    commit = _said(["git", "rev-parse", "--short", "HEAD"])
    changed = _said(["git", "status", "--porcelain", "--untracked-files=no"])
    return (commit + (" with changes" if changed else "")) if commit else "unknown"


def load_average() -> float:
    """Of the last minute: above the number of processors, somebody else is at work and rates say little."""
    return os.getloadavg()[0]


def cpu_times(pid: int) -> tuple[float, float]:
    """User and system time of a process, all its threads, seconds; 0 where it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def cpu_seconds(pid: int) -> float:
    """Both together."""
    return sum(cpu_times(pid))


def private_mb(pid: int) -> float:
    """Memory that belongs to this process alone, MB of 2^20; pages of the journal's file are the kernel's and not in it.
    OSError where the kernel does not say: a process that keeps secrets tells only root (world.Node sets HOLDFAST_DEBUG)."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(size) for size in re.findall(r"^Private_\w+:\s+(\d+)", text, re.M)) / 1024


def switches(pid: int) -> tuple[int, int]:
    """Voluntary and involuntary context switches of all its threads."""
    found = [0, 0]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            text = task.read_text()
        except OSError:
            continue
        for index, name in enumerate(("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")):
            match = re.search(rf"^{name}:\s+(\d+)", text, re.M)
            found[index] += int(match.group(1)) if match else 0
    return found[0], found[1]


def written_bytes(pid: int) -> int:
    """What it has had the disk write. OSError as above."""
    return int(re.search(r"^write_bytes: (\d+)", pathlib.Path(f"/proc/{pid}/io").read_text(), re.M).group(1))
