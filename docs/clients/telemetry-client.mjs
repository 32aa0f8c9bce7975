// Reference client: a queue on the disk, batches of 100, patience, and a way out. Needs Node.js 18 or newer alone.
import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const BATCH = 100, QUEUED_MAX = 1000, TRIES = 3, PATIENCE_S = 10;
const linesOf = (path) => readFileSync(path, "utf8").split("\n").filter(Boolean).slice(-QUEUED_MAX);

// Records events in a folder of the user's. With DO_NOT_TRACK set, nothing is recorded, kept or sent.
export class Telemetry {
  constructor(url, folder, version) {
    const { DO_NOT_TRACK, CI, TF_BUILD, JENKINS_URL } = process.env;
    Object.assign(this, { url: `${url}/v1/events`, version, queue: join(folder, "queue"), id: join(folder, "id") });
    this.isOn = ["", "0", undefined].includes(DO_NOT_TRACK);
    this.context = CI || TF_BUILD || JENKINS_URL ? "ci" : "human";
    mkdirSync(folder, { recursive: true });
    if (this.isOn && !existsSync(this.id)) writeFileSync(this.id, randomUUID());
  }

  record(type, fields) {
    if (!this.isOn) return;
    const installationId = readFileSync(this.id, "utf8"), timestamp = new Date().toISOString();
    const base = { type, timestamp, installationId, driftVersion: this.version, context: this.context };
    appendFileSync(this.queue, JSON.stringify({ ...base, ...fields }) + "\n");
  }

  // What would be sent, oldest first: show it to a user who asks.
  waiting() {
    return existsSync(this.queue) ? linesOf(this.queue) : [];
  }

  // Sends what waits, and keeps what is not taken for the next time. Call it when the command is done.
  async send() {
    if (!this.isOn) return rmSync(this.queue, { force: true });
    if (!existsSync(this.queue)) return;
    const claimed = `${this.queue}.${process.pid}`; // No other process sends it too.
    renameSync(this.queue, claimed);
    let lines = linesOf(claimed);
    while (lines.length && (await this.post(lines.slice(0, BATCH)))) lines = lines.slice(BATCH);
    appendFileSync(this.queue, lines.map((line) => line + "\n").join(""));
    rmSync(claimed);
  }

  // Whether a batch is done with: it was taken, or would be refused each time.
  async post(lines) {
    const headers = { "Content-Type": "application/json" }, body = `{"events":[${lines.join(",")}]}`;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      let wait = 2 ** attempt * Math.random();
      try {
        const answer = await fetch(this.url, { method: "POST", headers, body, signal: AbortSignal.timeout(5000) });
        if (answer.ok) return "eventsProcessed" in (await answer.json());
        if (answer.status === 400 || answer.status === 413) { // Find the event that is at fault, and give up that one alone.
          const half = Math.floor(lines.length / 2);
          return !half || ((await this.post(lines.slice(0, half))) && (await this.post(lines.slice(half))));
        }
        wait = Math.max(wait, Number(answer.headers.get("Retry-After")) || 0);
      } catch { /* Nobody answers, or not in JSON. */ }
      if (wait > PATIENCE_S) return false;
      if (attempt < TRIES - 1) await new Promise((done) => setTimeout(done, wait * 1000));
    }
    return false;
  }
}
