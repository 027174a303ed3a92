// Answers of API Gateway's payload 2.0, and the line in the log, which is metrics, too.

export function answer(event, started, statusCode, body, type = "application/json") {
  const stack = process.env.STACK_NAME;
  const line = {
    level: "INFO",
    stack,
    route: event.routeKey,
    status: statusCode,
    durationMs: performance.now() - started,
    requestId: event.requestContext.requestId,
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        { Namespace: "Greenroom", Dimensions: [["stack"]], Metrics: [{ Name: "durationMs", Unit: "Milliseconds" }] },
      ],
    },
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  const headers = { "content-type": type, "cache-control": "no-store" };
  return { statusCode, headers, body: JSON.stringify(body), isBase64Encoded: false };
}

export const problem = (event, started, status, type) =>
  answer(event, started, status, { type: `/problems/${type}`, status }, "application/problem+json");
