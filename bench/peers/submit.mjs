// What an order costs in Node with the AWS SDK v3: the same as the floor in bench/floor/src/submit.rs, with its first
// call made while it starts. `npm install` beside this file brings the SDK.

import { randomBytes } from "node:crypto";
import http from "node:http";

import { DynamoDBClient, GetItemCommand, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";

const { AWS_LAMBDA_RUNTIME_API, JOBS_TABLE, LEDGER_TABLE, QUEUE_URL } = process.env;
const HOLD = { N: "81000" };
const CREDIT = { N: "1000000000" };

const tables = new DynamoDBClient({ maxAttempts: 3 });
const queue = new SQSClient({ maxAttempts: 3 });
await tables.send(new GetItemCommand({ TableName: JOBS_TABLE, Key: { pk: { S: "-" }, sk: { S: "-" } } }));

function put(TableName, user, sk, more) {
  const Item = { pk: { S: user }, sk: { S: sk }, hold_micros: HOLD };
  for (const [name, value] of Object.entries(more)) Item[name] = { S: value };
  return { Put: { TableName, Item, ConditionExpression: "attribute_not_exists(pk)" } };
}

// A UUIDv7.
function fresh() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes.toString("hex").replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

async function submit(event) {
  const user = event.requestContext.authorizer.lambda.user_id;
  const { model, prompt, idempotency_key: key } = JSON.parse(event.body);
  if (!(model && prompt && key)) throw new Error("something is missing");
  const job = fresh();
  const Update = {
    TableName: LEDGER_TABLE,
    Key: { pk: { S: user }, sk: { S: "balance" } },
    UpdateExpression: "SET available = if_not_exists(available, :credit) - :hold",
    ConditionExpression: "attribute_not_exists(available) OR available >= :hold",
    ExpressionAttributeValues: { ":credit": CREDIT, ":hold": HOLD },
  };
  const TransactItems = [
    put(JOBS_TABLE, user, `key#${key}`, { job_id: job }),
    put(JOBS_TABLE, user, `job#${job}`, { status: "pending", model, prompt }),
    put(LEDGER_TABLE, user, `entry#${job}#hold`, { kind: "hold" }),
    { Update },
  ];
  await tables.send(new TransactWriteItemsCommand({ TransactItems }));
  const MessageBody = JSON.stringify({ v: 1, user_id: user, job_id: job });
  await queue.send(new SendMessageCommand({ QueueUrl: QUEUE_URL, MessageBody }));
  const body = JSON.stringify({ id: job, object: "image.job", status: "pending", model });
  return { statusCode: 202, headers: { "content-type": "application/json" }, body };
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const api = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${api}/${path}`, { agent, method }, async (answer) => {
      let text = "";
      for await (const part of answer) text += part;
      resolve([answer.headers["lambda-runtime-aws-request-id"], text]);
    });
    request.on("error", reject);
    request.end(body);
  });
}

for (;;) {
  const [number, text] = await ask("GET", "next");
  let end = "response";
  let answer;
  try {
    answer = await submit(JSON.parse(text));
  } catch (error) {
    [end, answer] = ["error", { errorMessage: String(error) }];
  }
  await ask("POST", `${number}/${end}`, JSON.stringify(answer));
}
