"""What processes take of the machine, by /proc: for the benchmarks of broadcasts."""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """A process and its children, by number; nothing of one that is gone."""
    children = []
    # Each thread has those that it has begun.
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += file.read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            pass
    return [pid, *(process for child in children for process in family(int(child)))]


def seconds_of(pid):
    """The processor time that a process has had, in seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid):
    """The PSS of a process and what is private of it, in MB."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
    return sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"]
