"""What scripts/bench and scripts/bench-local have in common: an earlier commit, and what samples of two sides say."""

import os
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(command, cwd=ROOT, **environment):
    subprocess.run([str(word) for word in command], cwd=cwd, check=True, env={**os.environ, **environment})


def output(*command, cwd=ROOT):
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def short(commit):
    """The short name of a commit, whatever it is named by: a branch moves, and a tag has a name of its own."""
    return output("git", "rev-parse", "--short=7", f"{commit}^{{commit}}")


def checked_out(commit, folder):
    """Has the source of a commit in a folder."""
    if not folder.exists():
        run(["git", "worktree", "prune"])
        run(["git", "worktree", "add", "--quiet", "--detach", folder, commit])
    return folder


def quartiles(samples, value):
    """Median and quartiles of something in samples."""
    values = [sample[value] for sample in samples]
    low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return median, low, high


def spread(samples, value, unit, digits):
    median, low, high = (number / unit for number in quartiles(samples, value))
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def ratio(samples, others, value):
    """The median of the ratios of each turn: what the machine did in a turn, it did to both."""
    return statistics.median(a[value] / b[value] for a, b in zip(samples, others, strict=True))


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
