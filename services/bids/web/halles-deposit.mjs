/**
 * Depositing a bid from a browser or from Node: announce it, seal it here, upload it (tus 1.0.0), deposit it, keep the receipt.
 *
 *     const receipt = await deposit({base: "https://.../bids/v1", token, procedure, name: "Dupont SARL", envelopes, fingerprint});
 */

import { SealingError, sealBid, sealedSize } from "./halles-seal.mjs";

const PIECE = 8 * 2 ** 20; // bytes a request: what is sent again at worst
const ATTEMPTS = 20;
const TUS = { "Tus-Resumable": "1.0.0" };

/** The platform refused; `problem` is its answer (RFC 9457), which says how to mend it. */
export class RefusedError extends SealingError {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `refus ${status}`, problem.detail_en ?? problem.title ?? `refused: ${status}`);
    this.name = "RefusedError";
    this.status = status;
    this.problem = problem;
  }
}

/**
 * Deposit a bid sealed here; the platform sees ciphertext only.
 * @param {object} what
 * @param {string} what.base  address of the bids service, `.../bids/v1`
 * @param {string} what.token  the company's access token
 * @param {string} what.procedure  the consultation
 * @param {string} what.name  the company's name, for the receipt
 * @param {import("./halles-seal.mjs").Content[]} what.envelopes
 * @param {string} [what.fingerprint]  of the key set, as read in the published notice
 * @param {(step: "sealing"|"sent", done: number, total: number) => void} [what.onProgress]  bytes
 * @param {number} [what.pause]  milliseconds before an interrupted upload goes on
 * @returns {Promise<object>} the receipt
 * @throws {RefusedError|SealingError}
 */
export async function deposit(what) {
  const here = `${what.base}/consultations/${what.procedure}`;
  const keys = (await call(what, "GET", here)).opening;
  const body = { envelopes: what.envelopes.map(announced), depositor_name: what.name };
  const bid = await call(what, "POST", `${here}/bids`, body);
  if (bid.key_fingerprint !== keys.fingerprint) {
    throw new SealingError("Les clés ont changé : relisez l'avis, puis recommencez.", "The key set changed: read the notice again, then begin again.");
  }
  const onProgress = (done, total) => what.onProgress?.("sealing", done, total);
  const plan = { consultation: what.procedure, bid: bid.bid_id, keys, envelopes: what.envelopes, fingerprint: what.fingerprint };
  const sealed = await sealBid({ ...plan, onProgress });
  const total = sealed.files.reduce((sum, each) => sum + each.size, 0);
  let before = 0;
  for (const file of sealed.files) {
    const sent = (size) => what.onProgress?.("sent", before + size, total);
    await upload(what, `${what.base}/bids/${bid.bid_id}/files/${file.number}/uploads`, file, sent);
    before += file.size;
  }
  return call(what, "POST", `${what.base}/bids/${bid.bid_id}/deposit`, { envelopes: await sealed.envelopes() });
}

/** Announce an envelope; declared file names tell nothing of the content. */
function announced({ kind, lots, files }, index) {
  const told = files.map((each, place) => ({ name: `${index + 1}-${place + 1}.sealed`, size: sealedSize(each.content.size) }));
  return { kind, lots, files: told };
}

async function upload(what, address, file, sent) {
  const created = await retried(what, async () => {
    const answer = await ask(what, "POST", address, { headers: { ...TUS, "Upload-Length": String(file.size) } });
    return new URL(answer.headers.get("Location"), address).href;
  });
  let offset = 0;
  while (offset < file.size) {
    offset = await retried(what, async (again) => sendPiece(what, created, file, again ? await offsetOf(what, created) : offset));
    sent(offset);
  }
}

async function sendPiece(what, address, file, offset) {
  if (offset >= file.size) return offset;
  const headers = { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
  const answer = await ask(what, "PATCH", address, { headers, body: await piece(file.stream(offset)) });
  return Number(answer.headers.get("Upload-Offset"));
}

async function offsetOf(what, address) {
  const answer = await ask(what, "HEAD", address, { headers: TUS });
  return Number(answer.headers.get("Upload-Offset"));
}

/** Take the next bytes of a stream, about PIECE of them. */
async function piece(stream) {
  const taken = [];
  let size = 0;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (!done) size += taken.push(value) && value.length;
    if (done || size >= PIECE) {
      await reader.cancel();
      return new Blob(taken);
    }
  }
}

/** Do it again when the network fails, the upload is held by a request that died, or the platform is away. */
async function retried(what, step) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await step(attempt > 0);
    } catch (error) {
      const lost = error instanceof TypeError || error.status >= 500 || [409, 423, 429].includes(error.status);
      if (!lost || attempt >= ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, what.pause ?? 3000));
    }
  }
}

async function call(what, method, address, body) {
  const headers = { "Content-Type": "application/json" };
  const answer = await ask(what, method, address, body === undefined ? {} : { headers, body: JSON.stringify(body) });
  return answer.json();
}

async function ask(what, method, address, { headers = {}, body } = {}) {
  const answer = await fetch(address, { method, headers: { Authorization: `Bearer ${what.token}`, ...headers }, body });
  if (!answer.ok) throw new RefusedError(answer.status, await answer.json().catch(() => ({})));
  return answer;
}
