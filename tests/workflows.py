"""What GitHub publishes and deploys is what has passed all checks: workflows.py

Of each workflow, every job that may write anywhere, or takes an environment, must need a job that runs ci.yml, whatever
is between them; and must not run though that failed. A workflow that only others call is judged where it is called.
Run by scripts/check-deployment.
"""

import copy
import pathlib
import sys

import yaml

CHECK = "./.github/workflows/ci.yml"
# They ask GitHub to go on after a failure.
REGARDLESS = ("always()", "failure()", "cancelled()")


def triggers(workflow):
    # YAML 1.1 takes `on` for true.
    return workflow.get("on", workflow.get(True))


def needed(job):
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def publishes(job):
    permissions = job.get("permissions", {})
    writes = permissions == "write-all" or isinstance(permissions, dict) and "write" in permissions.values()
    return writes or "environment" in job


def waits_for_check(jobs, name):
    """Whether a job runs only if ci.yml has passed, of this very commit."""
    job = jobs[name]
    if any(word in str(job.get("if", "")) for word in REGARDLESS) or job.get("continue-on-error"):
        return False
    return any(
        jobs[before].get("uses") == CHECK
        and "if" not in jobs[before]
        and not jobs[before].get("continue-on-error")
        or waits_for_check(jobs, before)
        for before in needed(job)
    )


def complaints(workflows):
    for path, workflow in workflows.items():
        if workflow.get("permissions") != {}:
            yield f"{path}: permissions: must be {{}}, so that each job says its own"
        on = triggers(workflow)
        called = on == "workflow_call" or isinstance(on, (dict, list)) and list(on) == ["workflow_call"]
        if called:
            continue
        for name, job in workflow["jobs"].items():
            if publishes(job) and not waits_for_check(workflow["jobs"], name):
                yield f"{path}: {name} publishes or deploys, and does not wait for {CHECK}"
    check = workflows[".github/workflows/ci.yml"]
    if not any(".ci/run" in step.get("run", "") for job in check["jobs"].values() for step in job.get("steps", [])):
        yield "ci.yml does not run .ci/run"
    if any(publishes(job) for job in check["jobs"].values()):
        yield "ci.yml may write, and every pull request runs it"
    if not any(publishes(job) for workflow in workflows.values() for job in workflow["jobs"].values()):
        yield "nothing is published, so nothing was checked"


def self_test(workflows):
    """Each of these edits must be found."""
    deploy = ".github/workflows/deploy.yml"

    def without_need(edited):
        edited[deploy]["jobs"]["deploy"]["needs"] = ["build"]

    def regardless(edited):
        edited[deploy]["jobs"]["deploy"]["if"] = "${{ always() }}"

    def skipped(edited):
        edited[deploy]["jobs"]["check"]["if"] = "github.actor != 'someone'"

    def forgiven(edited):
        edited[deploy]["jobs"]["check"]["continue-on-error"] = True

    def at_tags(edited):
        docs = edited[".github/workflows/docs.yml"]
        docs.pop("on", None)
        docs[True] = {"push": {"tags": ["v*"]}}

    def everything(edited):
        del edited[deploy]["permissions"]

    for edit in (without_need, regardless, skipped, forgiven, at_tags, everything):
        edited = copy.deepcopy(workflows)
        edit(edited)
        if not list(complaints(edited)):
            sys.exit(f"workflows.py does not find {edit.__name__}")


def main():
    paths = sorted(pathlib.Path(".github/workflows").glob("*.yml"))
    workflows = {str(path): yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}
    wrong = list(complaints(workflows))
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(1)
    self_test(workflows)
    print(f"{len(workflows)} workflows: nothing is published unchecked")


if __name__ == "__main__":
    main()
