// node clients.mjs NAME ADDRESS…: sends three events to each address with the published client of this name, one after the
// other, and ends when the client has nothing left to do. KEY, KEY_200 (a key that answers 200) and NAMESPACE come from the
// environment. Each complaint of a client is a line of JSON: [number of the address, text]. The first address is that of
// the server that works.
import { AsyncLocalStorage } from "node:async_hooks";
import { spawn } from "node:child_process";
import { webcrypto } from "node:crypto";
import { createRequire } from "node:module";
import { format } from "node:util";

const { KEY: key, KEY_200: key200, NAMESPACE: namespace } = process.env;
const address = new AsyncLocalStorage(); // {number, url}
const requireHere = createRequire(import.meta.url);

const complain = (...words) =>
  process.stdout.write(JSON.stringify([address.getStore()?.number ?? -1, format(...words).split("\n")[0].slice(0, 200)]) + "\n");
for (const name of ["log", "warn", "error"]) console[name] = complain;

globalThis.crypto ??= webcrypto; // Node.js 18

const amount = { amount: 12.5, customer: { name: "Zoë" }, items: [1, 2] };
const broken = () => new Error("no van");

// Axios with another address: two clients have theirs written into them.
async function redirectAxios() {
  const { default: axios } = await import("axios");
  axios.interceptors.request.use((request) => {
    request.url = request.url.replace("https://events.baselime.io", address.getStore().url);
    return request;
  });
}

const clients = {
  async "edge-logger"(url) {
    const { BaselimeLogger } = await import("@baselime/edge-logger");
    const ctx = { waitUntil: (promise) => promise, passThroughOnException() {} };
    const baselimeUrl = `${url}/v1`;
    const logger = new BaselimeLogger({ ctx, apiKey: key, dataset: "logs", service: "shop", namespace, baselimeUrl });
    logger.info("cart-created", amount);
    await logger.flush();
    logger.warn("cart-paid", { requestId: "r-1" });
    await logger.flush();
    logger.error("cart-sent", { level: "fatal" });
    await logger.flush();
    clearTimeout(logger.flushTimeout);
  },

  async "winston-transport"() {
    await redirectAxios();
    const { default: winston } = await import("winston");
    const { BaselimeTransport } = await import("@baselime/winston-transport");
    const transport = new BaselimeTransport({ baselimeApiKey: key, dataset: "logs", service: "shop", namespace });
    const logger = winston.createLogger({ transports: [transport], format: winston.format.json() });
    logger.info("cart-created", amount);
    await pause(50);
    logger.warn("cart-paid");
    await pause(50);
    logger.error({ message: "cart-sent", stack: broken().stack });
  },

  async "pino-transport"() {
    await redirectAxios();
    const { default: pino } = await import("pino");
    const { default: transport } = await import("@baselime/pino-transport");
    const options = { baselimeApiKey: key, dataset: "logs", service: "shop", namespace };
    const logger = pino({ base: undefined }, transport(options));
    logger.info(amount, "cart-created");
    await pause(50);
    logger.warn("cart-paid");
    await pause(50);
    logger.error(broken(), "cart-sent");
  },

  async "node-opentelemetry"(url) {
    const { BaselimeSDK } = await import("@baselime/node-opentelemetry");
    const resourceAttributes = { "service.namespace": namespace };
    const sdk = new BaselimeSDK({ baselimeKey: key, collectorUrl: `${url}/v1`, service: "shop", resourceAttributes });
    const provider = sdk.start();
    if (address.getStore().number === 0) provider._registeredSpanProcessors[0]._exporter.timeoutMillis = 20_000;
    const tracer = provider.getTracer("shop");
    tracer.startSpan("cart-created", { attributes: { amount: 12.5, items: [1, 2] } }).end();
    await provider.forceFlush().catch(complain);
    const paid = tracer.startSpan("cart-paid");
    paid.recordException(broken());
    paid.setStatus({ code: 2, message: "no van" });
    paid.end();
    await provider.forceFlush().catch(complain);
    tracer.startSpan("cart-sent").end();
    await provider.forceFlush().catch(complain);
  },

  "opentelemetry-json": (url) => openTelemetry(url, "http"),
  "opentelemetry-proto": (url) => openTelemetry(url, "proto"),

  async "winston-http"(url) {
    const { default: winston } = await import("winston");
    const { hostname: host, port } = new URL(url);
    const headers = { "x-service": "shop" };
    const options = { host, port, path: `v1/logs/${namespace}`, auth: { bearer: key200 }, headers };
    const one = new winston.transports.Http(options);
    const many = new winston.transports.Http({ ...options, batch: true, batchInterval: 10 });
    for (const transport of [one, many]) transport.on("warn", complain);
    const logger = winston.createLogger({ transports: [one], format: winston.format.json() });
    logger.info("cart-created", amount);
    await pause(50);
    logger.clear().add(many);
    logger.warn("cart-paid");
    logger.error({ message: "cart-sent", stack: broken().stack });
  },

  async "pino-loki"(url) {
    const { default: pino } = await import("pino");
    const { pinoLoki } = await import("pino-loki");
    const options = { host: url, basicAuth: { username: "any", password: key }, labels: { service: "shop", namespace } };
    const batches = pinoLoki({ ...options, interval: 0.1, propsToLabels: ["amount"], structuredMetaKey: "meta" });
    const logger = pino({ base: undefined }, batches);
    logger.info(amount, "cart-created");
    await pause(200);
    logger.warn({ meta: { order: 7 } }, "cart-paid");
    await pause(200);
    logger.error(broken(), "cart-sent");
    batches.end();
  },

  async "pino-http-send"(url) {
    const { default: pino } = await import("pino");
    const program = requireHere.resolve("pino-http-send").replace("index.js", "bin.js");
    const words = ["--url", `${url}/v1/logs/${namespace}`, "--username", "any", "--password", key, "--timeout", "1"];
    const child = spawn(process.execPath, [program, ...words, "--interval", "100"], { stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => complain(String(text)));
    process.on("exit", () => child.kill());
    const logger = pino({ base: undefined }, child.stdin);
    logger.info(amount, "cart-created");
    await pause(50);
    logger.warn("cart-paid");
    await pause(50);
    logger.error(broken(), "cart-sent");
    child.stdin.end();
    await new Promise((resolve) => child.on("exit", resolve));
  },

  async "libhoney-js"(url) {
    const { default: Libhoney } = await import("libhoney");
    const answers = (all) =>
      all.filter((answer) => answer.status_code !== 202).forEach((answer) => complain(answer.status_code, answer.error));
    const honey = new Libhoney({ apiHost: url, writeKey: key, dataset: "logs", responseCallback: answers });
    honey.add({ run: namespace });
    honey.sendNow({ message: "cart-created", ...amount });
    await honey.flush();
    const event = honey.newEvent();
    event.timestamp = new Date("2026-01-02T03:04:05.678Z");
    event.sampleRate = 1;
    event.add({ message: "cart-paid" });
    event.send();
    await honey.flush();
    honey.sendNow({ message: "cart-sent", error: "no van" });
    await honey.flush();
  },

  async "axiom-js"(url) {
    const { Axiom } = await import("@axiomhq/js");
    const axiom = new Axiom({ token: key, orgId: "any", url, onError: complain });
    axiom.ingest("logs", [{ message: "cart-created", run: namespace, ...amount }]);
    await axiom.flush();
    axiom.ingest("logs", { message: "cart-paid", run: namespace, _time: "2026-01-02T03:04:05.678Z" });
    await axiom.flush();
    axiom.ingest("logs", [{ message: "cart-sent", run: namespace, error: "no van" }]);
    await axiom.flush();
  },
};

async function openTelemetry(url, form) {
  const { diag, DiagLogLevel } = await import("@opentelemetry/api");
  diag.setLogger({ error: complain, warn() {}, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR);
  const { BasicTracerProvider, SimpleSpanProcessor } = await import("@opentelemetry/sdk-trace-base");
  const { LoggerProvider, SimpleLogRecordProcessor } = await import("@opentelemetry/sdk-logs");
  const { MeterProvider, PeriodicExportingMetricReader } = await import("@opentelemetry/sdk-metrics");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");
  const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${form}`);
  const { OTLPLogExporter } = await import(`@opentelemetry/exporter-logs-otlp-${form}`);
  const { OTLPMetricExporter } = await import(`@opentelemetry/exporter-metrics-otlp-${form}`);

  const resource = resourceFromAttributes({ "service.name": "shop", "service.namespace": namespace });
  const to = (signal) => ({ url: `${url}/v1/${signal}`, headers: { "x-api-key": key } });
  const spanProcessors = [new SimpleSpanProcessor(new OTLPTraceExporter(to("traces")))];
  const traces = new BasicTracerProvider({ resource, spanProcessors });
  const exporter = new OTLPLogExporter(to("logs"));
  const logs = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter })] });
  const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(to("metrics")) });
  const metrics = new MeterProvider({ resource, readers: [reader] });

  const span = traces.getTracer("shop").startSpan("cart-created", { attributes: { amount: 12.5, items: [1, 2] } });
  span.recordException(broken());
  span.end();
  const attributes = { customer: { name: "Zoë" }, raw: new Uint8Array([1, 2, 255]) };
  logs.getLogger("shop").emit({ body: "cart-paid", severityNumber: 13, severityText: "WARN", attributes });
  metrics.getMeter("shop").createHistogram("cart-sent", { unit: "s" }).record(0.5, { kind: "gift" });
  await Promise.all([traces, logs, metrics].map((provider) => provider.forceFlush().catch(complain)));
  await Promise.all([traces, logs, metrics].map((provider) => provider.shutdown().catch(complain)));
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const [name, ...urls] = process.argv.slice(2);
await Promise.all(urls.map((url, number) => address.run({ number, url }, () => clients[name](url).catch(complain))));
