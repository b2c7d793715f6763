"""Write the CloudFormation that a SAM template stands for, as JSON, without an AWS account.

`sam validate --lint` and cfn-lint look at the template as it is written. They do not look inside what the
transform makes of it: a function's events, its role, its runtime. This runs the same transform that AWS
runs, from the translator inside aws-sam-cli, so that the result can be linted too.

    python .ci/expand_template.py template.yaml > target/template.expanded.json
"""

import json
import sys
from pathlib import Path

from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.public.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# The transform only takes code that has been uploaded; where from makes no difference to the lint.
UPLOADED_CODE = "s3://uploaded/function.zip"

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "holdfast",
    "AWS::URLSuffix": "amazonaws.com",
}


def upload_code(template: dict) -> None:
    """Point every function at uploaded code, as `sam package` would."""
    functions = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    for properties in [*functions, template.get("Globals", {}).get("Function", {})]:
        if "CodeUri" in properties:
            properties["CodeUri"] = UPLOADED_CODE


def expand(source: Path) -> dict:
    """The template after the transform. Raises `InvalidDocumentException` if it is refused."""
    template = yaml_parse(source.read_text(encoding="utf-8"))
    upload_code(template)
    session = Session(region_name=PSEUDO_PARAMETERS["AWS::Region"])
    # Names of managed policies are looked up in AWS; this template grants by statements, not by names.
    translator = Translator({}, Parser(), plugins=None, boto_session=session)
    return translator.translate(template, PSEUDO_PARAMETERS)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        expanded = expand(Path(arguments[0]))
    except InvalidDocumentException as refusal:
        print(refusal.message, file=sys.stderr)
        for cause in refusal.causes:
            print(cause.message, file=sys.stderr)
        return 1
    json.dump(expanded, sys.stdout, indent=2, default=str)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
