"""What an order costs in Python with boto3: the same as the floor in bench/floor/src/submit.rs, with its first call
made while it starts, as a function without a framework under AWS's own runtime would be written.

Needs boto3 (bench/peers/requirements.txt).
"""

import http.client
import json
import os
import time
import uuid

import boto3
from botocore.config import Config

HOLD = {"N": "81000"}
CREDIT = {"N": "1000000000"}

config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
tables = boto3.client("dynamodb", config=config, region_name=os.environ["AWS_REGION"])
queue = boto3.client("sqs", config=config, region_name=os.environ["AWS_REGION"])
JOBS, LEDGER, QUEUE = (os.environ[name] for name in ("JOBS_TABLE", "LEDGER_TABLE", "QUEUE_URL"))
tables.get_item(TableName=JOBS, Key={"pk": {"S": "-"}, "sk": {"S": "-"}})


def put(table, user, sk, **more):
    item = {"pk": {"S": user}, "sk": {"S": sk}, "hold_micros": HOLD}
    item |= {name: {"S": value} for name, value in more.items()}
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}


def submit(event):
    user = event["requestContext"]["authorizer"]["lambda"]["user_id"]
    order = json.loads(event["body"])
    prompt, model, key = order["prompt"], order["model"], order["idempotency_key"]
    if not (prompt and model and key):
        raise ValueError("something is missing")
    # A UUIDv7, which Python has from 3.14 on.
    bits = time.time_ns() // 1_000_000 << 80 | 7 << 76 | 2 << 62 | uuid.uuid4().int & ((1 << 62) - 1)
    job = str(uuid.UUID(int=bits))
    balance = {
        "TableName": LEDGER,
        "Key": {"pk": {"S": user}, "sk": {"S": "balance"}},
        "UpdateExpression": "SET available = if_not_exists(available, :credit) - :hold",
        "ConditionExpression": "attribute_not_exists(available) OR available >= :hold",
        "ExpressionAttributeValues": {":credit": CREDIT, ":hold": HOLD},
    }
    tables.transact_write_items(
        TransactItems=[
            put(JOBS, user, f"key#{key}", job_id=job),
            put(JOBS, user, f"job#{job}", status="pending", model=model, prompt=prompt),
            put(LEDGER, user, f"entry#{job}#hold", kind="hold"),
            {"Update": balance},
        ]
    )
    queue.send_message(QueueUrl=QUEUE, MessageBody=json.dumps({"v": 1, "user_id": user, "job_id": job}))
    body = {"id": job, "object": "image.job", "status": "pending", "model": model}
    return {"statusCode": 202, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def main():
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    path = "/2018-06-01/runtime/invocation"
    while True:
        connection.request("GET", f"{path}/next")
        given = connection.getresponse()
        number = given.headers["lambda-runtime-aws-request-id"]
        try:
            end, answer = "response", submit(json.load(given))
        except Exception as error:  # Lambda's runtime reports whatever a handler raises.
            end, answer = "error", {"errorMessage": repr(error)}
        connection.request("POST", f"{path}/{number}/{end}", json.dumps(answer))
        connection.getresponse().read()


if __name__ == "__main__":
    main()
