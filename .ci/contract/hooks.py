"""What a description cannot say of a request that is good."""

import schemathesis
from schemathesis import GenerationMode


def is_good(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


def whole(value):
    """The same value, with 4 for 4.0: to a schema that is a whole number, to the product it is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_good(case):
        return
    if isinstance(case.body, dict):
        case.body = whole(case.body)
        # No more pictures can be delivered than were ordered.
        wish = (case.body.get("extra") or {}).get("sandbox") or {}
        if (wish.get("deliver") or 1) > (case.body.get("n") or 1):
            wish["deliver"] = 1
    # A cursor is one of an earlier answer; nobody draws one by chance.
    if case.query and "cursor" in case.query:
        del case.query["cursor"]
    # The header and the field are the same thing, so two that differ are refused.
    key = "Idempotency-Key"
    if case.headers and key in case.headers and isinstance(case.body, dict):
        if case.body.get("idempotency_key") is not None:
            del case.headers[key]
