"""What a description cannot say of a request that is good."""

import schemathesis
from schemathesis import GenerationMode


def is_good(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_good(case):
        return
    # A cursor is one of an earlier answer; nobody draws one by chance.
    if case.query and "cursor" in case.query:
        del case.query["cursor"]
    # The header and the field are the same thing, so two that differ are refused.
    key = "Idempotency-Key"
    if case.headers and key in case.headers and isinstance(case.body, dict):
        if case.body.get("idempotency_key") is not None:
            del case.headers[key]
