"""Writes of a built template what ministack can deploy: without what only an operator looks at, which it does not have,
and without outputs. ministack_template.py <built template> <file to write>

A secret that is declared without a value has none on AWS, and there an empty text; it gets an empty object.
"""

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
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::SecretsManager::Secret" and "GenerateSecretString" not in resource["Properties"]:
            resource["Properties"].setdefault("SecretString", "{}")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(template, file)


if __name__ == "__main__":
    main()
