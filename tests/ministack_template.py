"""Writes of a built template what ministack can deploy: without what only an operator looks at, which it does not have,
and without outputs. ministack_template.py <built template> <file to write>"""

import json
import sys

from sam_template import loaded

WATCHED = ("AWS::CloudWatch::", "AWS::Logs::QueryDefinition", "AWS::Logs::MetricFilter")


def main():
    template = loaded(sys.argv[1])
    template.pop("Outputs", None)
    resources = template["Resources"]
    template["Resources"] = {
        name: resource for name, resource in resources.items() if not resource["Type"].startswith(WATCHED)
    }
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(template, file)


if __name__ == "__main__":
    main()
