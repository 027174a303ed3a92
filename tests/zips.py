"""What `sam build` made, looked at as Lambda will: zips.py <folder it wrote to> <arm64 or x86_64>

Each function of the built template has one file, `bootstrap`, which is executable, for the declared processor, and
linked with nothing that Amazon Linux 2023 does not have. The zip is the one that SAM would upload. Run by
scripts/check-deployment.
"""

import os
import sys

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from samcli.lib.package.utils import make_zip_with_lambda_permissions, zip_folder
from samcli.yamlhelper import yaml_parse

MACHINES = {"arm64": "EM_AARCH64", "x86_64": "EM_X86_64"}
# What the runtime provided.al2023 has.
GLIBC = (2, 34)
LIBRARIES = {
    "ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "librt.so.1",
}
# Of a zip, in bytes: a little more than the largest has.
LIMIT = 3_900_000


def linked(elf):
    """The libraries that a binary loads, and the latest glibc that it asks them for."""
    dynamic = elf.get_section_by_name(".dynamic")
    libraries = {tag.needed for tag in dynamic.iter_tags("DT_NEEDED")} if dynamic else set()
    versions = [
        tuple(int(part) for part in version.name.removeprefix("GLIBC_").split("."))
        for section in elf.iter_sections()
        if isinstance(section, GNUVerNeedSection)
        for _, needed in section.iter_versions()
        for version in needed
        if version.name.startswith("GLIBC_")
    ]
    return libraries, max(versions, default=None)


def zipped(folder):
    with zip_folder(folder, zip_method=make_zip_with_lambda_permissions) as (path, _):
        return os.path.getsize(path)


def looked_at(folder, architecture):
    """What is wrong with a function's folder, and the line to print about it."""
    files = [os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder) for name in names]
    if files != ["bootstrap"]:
        return [f"holds {sorted(files)}, not bootstrap alone"], ""
    path = os.path.join(folder, "bootstrap")
    wrong = [] if os.stat(path).st_mode & 0o111 == 0o111 else ["bootstrap is not executable for everybody"]
    with open(path, "rb") as file:
        elf = ELFFile(file)
        machine, (libraries, glibc) = elf["e_machine"], linked(elf)
    if machine != MACHINES[architecture]:
        wrong.append(f"bootstrap is for {machine}, not for {architecture}")
    if libraries - LIBRARIES:
        wrong.append(f"bootstrap loads {sorted(libraries - LIBRARIES)}")
    if glibc is None or glibc > GLIBC:
        wrong.append(f"bootstrap wants glibc {glibc}, and Lambda has {GLIBC}")
    size = zipped(folder)
    if size > LIMIT:
        wrong.append(f"the zip has {size:,} bytes, more than {LIMIT:,}")
    version = ".".join(map(str, glibc or ()))
    return wrong, f"{size / 1e6:.2f} MB zipped, {os.path.getsize(path) / 1e6:.2f} MB, glibc {version}"


def main():
    built, architecture = sys.argv[1:]
    with open(os.path.join(built, "template.yaml"), encoding="utf-8") as file:
        resources = yaml_parse(file.read())["Resources"]
    functions = {
        name: resource["Properties"]["CodeUri"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    failed = not functions
    for name, code in functions.items():
        wrong, line = looked_at(os.path.join(built, code), architecture)
        print(f"{architecture} {name}: {'; '.join(wrong) or line}", file=sys.stderr if wrong else sys.stdout)
        failed |= bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
