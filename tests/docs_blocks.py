"""Blocks of code in the documentation: tests/docs says which there are and what is done with each.

    docs_blocks.py syntax FILE...               checks the syntax of every block of shell, in bash and zsh
    docs_blocks.py pasted FILE...               prints the files that have blocks to paste
    docs_blocks.py paste SHELL ADDRESS FILE     pastes them into that shell, with the local cloud at ADDRESS
    docs_blocks.py snippets DIRECTORY FILE...   writes every block of TypeScript to a file there
"""

import dataclasses
import fcntl
import os
import pathlib
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time

KINDS = {"sh", "sh aws", "sh slow"}
SHELLS = {
    # Without the reader's own settings; prompts that tell the status of the last command, and that a command goes on.
    "bash": (["bash", "--noprofile", "--norc", "-i"], "@@$?@@ ", "ERR"),
    "zsh": (["zsh", "-f", "-i"], "@@%?@@ ", "ZERR"),
}
CONTINUED = "@@more@@ "
PROMPT = re.compile(r"@@(\d+|more)@@ ")
FAILED = re.compile(r"@@failed (\d+)@@")
# What is said to the terminal rather than to its reader; zsh marks an unfinished line by a line of blanks.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r| {200,}")
# Such a line is not run, and bash keeps the status of the one before.
NO_EVENT = "event not found"
# What the documentation has the local cloud at.
ADDRESS = "127.0.0.1:8080"
# A line that takes longer hangs. Generous: a request may wait for a lease.
LINE_LIMIT = 300


@dataclasses.dataclass
class Block:
    file: str
    line: int
    kind: str
    text: str
    # The statuses that are stated behind it, if there are any.
    statuses: list[str] | None = None

    def __str__(self):
        return f"{self.file}:{self.line}"


def blocks(file):
    found, opened, behind = [], None, 0
    for number, line in enumerate(pathlib.Path(file).read_text().splitlines(), 1):
        if opened is None and line.startswith("```"):
            opened = Block(file, number, line[3:].strip(), "")
        elif opened and line == "```":
            before = found[-1] if found else None
            stated = re.findall(r"^(\d{3})(?: .*)?$", opened.text, re.M)
            if opened.kind == "text" and stated and len(stated) == len(opened.text.splitlines()):
                if before is None or before.kind != "sh" or opened.line - behind > 4:
                    sys.exit(f"{opened}: statuses of no block of shell")
                before.statuses = stated
            found.append(opened)
            opened, behind = None, number
        elif opened:
            opened.text += line + "\n"
    return found


def shell_blocks(files):
    for file in files:
        for block in blocks(file):
            if block.kind.split(" ")[0] in ("sh", "bash", "zsh", "shell", "console"):
                if block.kind not in KINDS:
                    sys.exit(f"{block}: a block of shell is one of {', '.join(sorted(KINDS))}, not {block.kind!r}")
                yield block


def syntax(files):
    for block in shell_blocks(files):
        try:
            comment = next((token for token in shlex.split(block.text) if token.startswith("#")), None)
        except ValueError as error:
            sys.exit(f"{block}: {error}")
        if comment:
            sys.exit(f"{block}: an interactive zsh takes this comment for arguments: {comment}")
        for shell in SHELLS:
            checked = subprocess.run([shell, "-n"], input=block.text, text=True, capture_output=True)
            if checked.returncode != 0 or checked.stderr:
                sys.exit(f"{block}: {shell} says {checked.stderr.strip()}")


class Shell:
    """An interactive shell on a terminal."""

    def __init__(self, name):
        command, prompt, failure = SHELLS[name]
        environment = os.environ | {"PS1": prompt, "PS2": CONTINUED, "HISTFILE": "/dev/null", "TERM": "dumb"}
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execvpe(command[0], command, environment)
        # Wide, so that no line is broken.
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 4000, 0, 0))
        self.answer()
        # The prompt has the status of a line; this, that of each command in it. Written so that its echo is no marker.
        self.paste(f"trap 'printf \"@%sfailed %s@@\\n\" @ $?' {failure}")

    def paste(self, line):
        """The output of a line, and the prompt behind it."""
        os.write(self.terminal, (line + "\n").encode())
        return self.answer()

    def answer(self):
        output, deadline = "", time.monotonic() + LINE_LIMIT
        while True:
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"no prompt within {LINE_LIMIT} s\n{output}")
            try:
                read = os.read(self.terminal, 65536)
            except OSError:
                read = b""
            if not read:
                raise EOFError(f"the shell has ended\n{output}")
            output += read.decode(errors="replace")
            prompt = PROMPT.search(output)
            if prompt:
                return CONTROL.sub("", output), prompt[1]

    def end(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def paste(shell, address, file):
    pasted = [block for block in shell_blocks([file]) if block.kind == "sh"]
    if not pasted:
        sys.exit(f"{file} has no block to paste")
    terminal = Shell(shell)
    for block in pasted:
        statuses, prompt = [], "0"
        for line in block.text.replace(ADDRESS, address).splitlines():
            try:
                output, prompt = terminal.paste(line)
            except (EOFError, TimeoutError) as error:
                sys.exit(f"{block}: {shell}: {line}\n{error}")
            failed = FAILED.search(output)
            if failed or prompt not in ("0", "more") or NO_EVENT in output:
                sys.exit(f"{block}: {shell}: status {failed[1] if failed else prompt} of: {line}\n{output}")
            statuses += re.findall(r"^(\d{3})$", output, re.M)
        if prompt == "more":
            sys.exit(f"{block}: {shell}: the block's last command is not complete")
        if block.statuses is not None and statuses != block.statuses:
            sys.exit(f"{block}: {shell}: the statuses are {statuses}, not {block.statuses}")
    terminal.end()
    print(f"{file}: {shell}: {len(pasted)} blocks")


def snippets(directory, files):
    count = 0
    for file in files:
        for block in blocks(file):
            if block.kind == "ts":
                name = f"{file.removesuffix('.md').replace('/', '-')}-{block.line}.ts"
                (pathlib.Path(directory) / name).write_text(block.text)
                count += 1
    if count == 0:
        sys.exit("there are no snippets of TypeScript")
    print(f"{count} snippets")


def main():
    match sys.argv[1:]:
        case ["syntax", *files]:
            syntax(files)
        case ["pasted", *files]:
            print("\n".join(dict.fromkeys(block.file for block in shell_blocks(files) if block.kind == "sh")))
        case ["paste", shell, address, file]:
            paste(shell, address, file)
        case ["snippets", directory, *files]:
            snippets(directory, files)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
