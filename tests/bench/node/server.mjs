// The peer: what a Node.js developer would write who knows Fastify and SQLite well. node server.mjs PACKAGES --data-dir DIR
//
// Bodies are checked by a compiled schema. Requests that arrive together share one transaction, and are answered after
// its commit, which is synced. The table has no secondary index, as the hot segment of the service has none.
//
// It does less than the service: it counts nothing, recognises no duplicates, limits no rates and no queue, looks at no
// opt-out, refuses a whole batch for one invalid event, and keeps all days in one file.

import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const [packages, , dataDir] = process.argv.slice(2);
const fastify = createRequire(join(packages, "package.json"))("fastify");

const ROWS_AT_ONCE = 50;
const CONFIDENCE = { type: "number", minimum: 0, maximum: 1 };
const COUNT = { type: "integer", minimum: 0 };
const LABEL = { type: "string", minLength: 1, maxLength: 200 };
const FIELDS = {
  pattern_signature: {
    signatureHash: LABEL, category: LABEL, confidence: CONFIDENCE, locationCount: COUNT, outlierCount: COUNT,
    detectionMethod: LABEL, language: LABEL,
  },
  user_action: {
    action: LABEL, category: LABEL, confidenceAtAction: CONFIDENCE, hoursSinceDiscovery: { type: "number" },
    isBulkAction: { type: "boolean" },
  },
  scan_completion: {
    durationMs: COUNT, filesScanned: COUNT, newPatternsDiscovered: COUNT, isIncremental: { type: "boolean" },
    workerCount: COUNT,
  },
  aggregate_stats: {
    totalPatterns: COUNT, patternsByStatus: { type: "object", additionalProperties: COUNT },
    patternsByCategory: { type: "object", additionalProperties: COUNT }, languages: { type: "array", items: LABEL },
    frameworks: { type: "array", items: LABEL }, featuresEnabled: { type: "array", items: LABEL },
    codebaseSizeTier: LABEL,
  },
};

function eventSchema([type, fields]) {
  const base = { type: { const: type }, timestamp: LABEL, installationId: LABEL, driftVersion: LABEL };
  const properties = { ...base, ...fields };
  return { type: "object", required: Object.keys(properties), properties };
}

const EVENT = {
  type: "object",
  required: ["type"],
  discriminator: { propertyName: "type" },
  oneOf: Object.entries(FIELDS).map(eventSchema),
};
const SCHEMA = {
  body: {
    type: "object",
    required: ["events"],
    properties: { events: { type: "array", minItems: 1, maxItems: 100, items: EVENT } },
  },
  response: {
    200: { type: "object", properties: { success: { type: "boolean" }, eventsProcessed: { type: "integer" } } },
  },
};

function openTable(folder) {
  mkdirSync(folder);
  const database = new DatabaseSync(join(folder, "all.db"));
  database.exec(`
    PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000;
    CREATE TABLE events (
      id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, timestamp TEXT NOT NULL, installation_id TEXT NOT NULL,
      drift_version TEXT NOT NULL, payload TEXT, created_at TEXT NOT NULL
    );
  `);
  return database;
}

// Commits what has arrived in one turn of the event loop.
class Appender {
  #waiting = [];

  constructor(database) {
    this.database = database;
    this.one = database.prepare(insert(1));
    this.many = database.prepare(insert(ROWS_AT_ONCE));
  }

  append(events) {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#commit());
      this.#waiting.push({ events, resolve, reject });
    });
  }

  #commit() {
    const group = this.#waiting;
    this.#waiting = [];
    try {
      this.database.exec("BEGIN");
      this.#insert(group.flatMap((batch) => batch.events));
      this.database.exec("COMMIT");
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      for (const batch of group) batch.reject(error);
      return;
    }
    for (const batch of group) batch.resolve();
  }

  #insert(events) {
    const createdAt = new Date().toISOString().slice(0, 19).replace("T", " ");
    let at = 0;
    for (; at + ROWS_AT_ONCE <= events.length; at += ROWS_AT_ONCE) {
      this.many.run(...events.slice(at, at + ROWS_AT_ONCE).flatMap((event) => columns(event, createdAt)));
    }
    for (const event of events.slice(at)) this.one.run(...columns(event, createdAt));
  }
}

function insert(rows) {
  const names = "type, timestamp, installation_id, drift_version, payload, created_at";
  return `INSERT INTO events (${names}) VALUES ${Array(rows).fill("(?, ?, ?, ?, ?, ?)").join(", ")}`;
}

function columns({ type, timestamp, installationId, driftVersion, ...payload }, createdAt) {
  return [type, timestamp, installationId, driftVersion, JSON.stringify(payload), createdAt];
}

const appender = new Appender(openTable(join(dataDir, "events")));
const application = fastify({
  logger: false,
  bodyLimit: 4_194_304,
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, discriminator: true } },
});
application.post("/v1/events", { schema: SCHEMA }, async (request) => {
  await appender.append(request.body.events);
  return { success: true, eventsProcessed: request.body.events.length };
});
console.log(await application.listen({ host: "127.0.0.1", port: 0 }));
