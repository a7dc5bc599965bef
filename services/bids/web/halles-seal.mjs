/**
 * Sealing a bid in a browser or in Node: the scheme `halles-seal-2` of docs/sealing.md, byte for byte as the Python tool does it.
 *
 * No dependency: WebCrypto does X25519, Ed25519, HKDF, HMAC and AES-GCM; Shamir's sharing, RFC 8785 and (sha256.mjs) a SHA-256 that
 * takes its bytes as they come are written here. A file is read as it is sealed; memory does not grow with it.
 *
 *     const bid = await sealBid({consultation, bid: id, keys: consultation.opening, envelopes, fingerprint});
 *     for (const file of bid.files) upload(file.size, (offset) => file.stream(offset));
 *     deposit({envelopes: await bid.envelopes()});
 */

import { Sha256, sha256 } from "./sha256.mjs";

export const SCHEME = "halles-seal-2";
/** Bytes of plaintext in a chunk; the last chunk of a segment is shorter. */
export const CHUNK = 65536;
/** Bytes of the authentication tag of a chunk. */
export const TAG = 16;
const SECRET = 32;
const ENC = 32;
const PRIME = 2n ** 255n - 19n;
const MAX_POINTS = 255;
const NOTHING = new Uint8Array(0);
const utf8 = new TextEncoder();
const subtle = globalThis.crypto.subtle;

/** What cannot be sealed, or must not be; `message` is French, `english` the same in English. */
export class SealingError extends Error {
  /** @param {string} message @param {string} english */
  constructor(message, english) {
    super(message);
    this.name = "SealingError";
    this.english = english;
  }
}

/**
 * @typedef {{officer: string, public_key: string, recovery?: boolean, proof?: string|null}} OpeningKey
 * @typedef {{threshold: number, officers: OpeningKey[], fingerprint: string}} OpeningKeySet
 * @typedef {{name: string, type: string, content: Blob}} PlainFile  a name for the officers, a media type, the bytes
 * @typedef {{kind: "application"|"offer", lots: string[], files: PlainFile[]}} Content
 * @typedef {(size: number) => Uint8Array} Entropy
 * @typedef {{consultation: string, bid: string, number: number, fingerprint: string}} EnvelopeName
 */

/**
 * Prepare the sealing of a bid; its files are numbered from 1, one envelope after the other. Nothing is read yet.
 * @param {object} plan
 * @param {string} plan.consultation  its procedure's identifier (eForms BT-04)
 * @param {string} plan.bid  its identifier, given by the platform
 * @param {OpeningKeySet} plan.keys  the key set of the opening officers
 * @param {Content[]} plan.envelopes
 * @param {string} [plan.fingerprint]  of the key set, as read in the published notice: pins it
 * @param {Entropy} [plan.entropy]  for the test vectors only
 * @param {number} [plan.segmentSize]  cuts files into segments of so many bytes
 * @param {(done: number, total: number) => void} [plan.onProgress]  bytes of plaintext sealed, of all
 * @returns {Promise<SealedBid>}
 * @throws {SealingError} when the key set cannot work, or is not the pinned one
 */
export async function sealBid(plan) {
  await checkKeySet(plan.keys, plan.fingerprint);
  return new SealedBid(plan);
}

/** A bid being sealed: `files` to upload, then `envelopes()` to deposit. */
export class SealedBid {
  constructor(plan) {
    const entropy = plan.entropy ?? randomBytes;
    this.total = plan.envelopes.flatMap((each) => each.files).reduce((sum, each) => sum + each.content.size, 0);
    this.done = 0;
    const told = (size) => plan.onProgress?.((this.done += size), this.total);
    let first = 1;
    this.sealed = plan.envelopes.map((content, index) => {
      const name = nameOf(plan, index + 1);
      const files = content.files.map((file) => new SealedFile(name, plan.keys, first++, file, entropy, plan.segmentSize, told));
      return { name, content, files, secret: entropy(SECRET) };
    });
    this.keys = plan.keys;
  }

  /** The files to upload, in order: file n of the bid is `files[n - 1]`. @returns {SealedFile[]} */
  get files() {
    return this.sealed.flatMap((each) => each.files);
  }

  /** Give the public papers to deposit; what was not streamed yet is sealed now, to know its hash. @returns {Promise<object[]>} */
  async envelopes() {
    this.papers ??= Promise.all(this.sealed.map((each) => envelopeOf(each, this.keys)));
    return this.papers;
  }
}

/** One file, sealed while it is read; the same bytes as often as asked, so that an upload can be resumed. */
export class SealedFile {
  constructor(name, keys, number, file, entropy, segmentSize, told) {
    Object.assign(this, { name, keys, number, file, told });
    const size = file.content.size;
    const count = segmentSize ? Math.floor(size / segmentSize) + 1 : 1;
    const length = segmentSize || size;
    this.segments = Array.from({ length: count }, (_, index) => {
      const from = index * length;
      return new Segment(name, keys, { part: number, number: index + 1 }, entropy(SECRET), from, Math.min(length, size - from));
    });
    /** Bytes of ciphertext: what to announce. */
    this.size = this.segments.reduce((sum, each) => sum + each.size, 0);
    this.hashed = 0; // chunks whose bytes went into the hashes already
    this.plainHash = new Sha256();
    this.cipherHash = new Sha256();
  }

  /** Give the ciphertext from an offset on. @param {number} [offset] @returns {ReadableStream<Uint8Array>} */
  stream(offset = 0) {
    const chunks = this.chunks(offset);
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => chunks.return(),
    });
  }

  /** @param {number} offset @returns {AsyncGenerator<Uint8Array>} */
  async *chunks(offset) {
    let at = 0; // offset of the segment in the file's ciphertext
    let counted = 0; // chunks of the segments before
    for (const segment of this.segments) {
      const skipped = Math.max(0, Math.floor((offset - at) / (CHUNK + TAG)));
      for (let index = skipped; index < segment.chunks; index++) {
        const begin = at + index * (CHUNK + TAG);
        const { plain, sealed } = await segment.seal(this.file.content, index);
        this.note(counted + index, segment, plain, sealed);
        if (begin + sealed.length > offset) yield offset > begin ? sealed.subarray(offset - begin) : sealed;
      }
      at += segment.size;
      counted += segment.chunks;
    }
  }

  /** Take a chunk into the hashes the first time it passes, in order. */
  note(position, segment, plain, sealed) {
    if (position !== this.hashed) return;
    this.hashed++;
    this.plainHash.update(plain);
    this.cipherHash.update(sealed);
    segment.hash.update(sealed);
    this.told(plain.length);
  }

  /** Give what the envelope and what the sealed manifest say of this file. */
  async papers() {
    if (this.hashed < this.segments.reduce((sum, each) => sum + each.chunks, 0)) for await (const _ of this.chunks(this.resume()));
    const segments = await Promise.all(this.segments.map((each) => each.paper()));
    const sealed = { number: this.number, size: this.size, sha256: this.cipherHash.hex(), segments };
    const { name, type, content } = this.file;
    const told = { number: this.number, name, media_type: type || "application/octet-stream", size: content.size };
    return { sealed, told: { ...told, sha256: this.plainHash.hex(), segments: segments.map(manifestSegment) } };
  }

  /** Give the offset of the first chunk that is not in the hashes. */
  resume() {
    let left = this.hashed;
    let at = 0;
    for (const segment of this.segments) {
      if (left < segment.chunks) return at + left * (CHUNK + TAG);
      left -= segment.chunks;
      at += segment.size;
    }
    return at;
  }
}

/** One segment: its own secret, known to nobody else and kept nowhere. */
class Segment {
  constructor(name, keys, place, secret, from, length) {
    Object.assign(this, { name, keys, place, secret, from, length });
    this.chunks = Math.floor(length / CHUNK) + 1;
    this.size = length + TAG * this.chunks;
    this.hash = new Sha256();
  }

  /** Read and seal one chunk. @param {Blob} content @param {number} index */
  async seal(content, index) {
    const begin = this.from + index * CHUNK;
    const end = Math.min(begin + CHUNK, this.from + this.length);
    const plain = begin < end ? new Uint8Array(await content.slice(begin, end).arrayBuffer()) : NOTHING;
    if (plain.length !== Math.max(0, end - begin)) throw changed();
    return { plain, sealed: await sealChunk(await this.cipher(), await this.context(), index, plain, index === this.chunks - 1) };
  }

  cipher() {
    this.key ??= derive(this.secret, this.binding("chunks")).then((key) => subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]));
    return this.key;
  }

  context() {
    this.digest ??= Promise.resolve(sha256(this.binding("chunk")));
    return this.digest;
  }

  binding(purpose, ...more) {
    return binding(this.name, this.place, purpose, ...more);
  }

  async paper() {
    const { part, number } = this.place;
    const dealt = await deal(this.secret, (...purpose) => this.binding(...purpose), this.keys);
    return { part, number, size: this.size, sha256: this.hash.hex(), ...dealt };
  }
}

/** Check threshold, names, keys, proofs of possession and fingerprint of a key set. @throws {SealingError} */
export async function checkKeySet(keys, fingerprint = keys.fingerprint) {
  const known = hex(sha256(canonical(fingerprinted(keys))));
  if (known !== keys.fingerprint || known !== fingerprint) {
    throw new SealingError(
      "Les clés des officiers ne sont pas celles de l'avis publié : ne déposez pas et prévenez l'acheteur.",
      "The officers' keys are not those of the published notice: do not deposit, tell the buyer.",
    );
  }
  for (const member of ["officer", "public_key"]) {
    if (new Set(keys.officers.map((each) => each[member])).size !== keys.officers.length) throw unusable("the same twice");
  }
  sharing(keys);
  for (const each of keys.officers) if (each.proof != null) await checkPossession(each);
}

/** Give how a secret is shared out: the points needed, and each officer's points (docs/sealing.md, section 3). */
export function sharing(keys) {
  const recovery = keys.officers.filter((each) => each.recovery).length;
  if (!(keys.threshold >= 1 && keys.threshold <= keys.officers.length - recovery)) throw unusable("threshold");
  const split = recovery > 0 && keys.threshold === 1;
  if (recovery && recovery !== (split ? 2 : 1)) throw unusable("recovery officers");
  let following = 1;
  const points = keys.officers.map((each) => Array.from({ length: split && !each.recovery ? 2 : 1 }, () => following++));
  if (following - 1 > MAX_POINTS) throw unusable("too many officers");
  return { needed: split ? 2 : keys.threshold, points };
}

async function checkPossession({ officer, public_key, proof }) {
  const content = fromText(proof);
  const signer = content.slice(0, 32);
  const message = canonical(["halles-officer-key-2", "possession", officer, public_key]);
  const key = await subtle.importKey("raw", signer, "Ed25519", false, ["verify"]);
  const signed = content.length === 96 && (await subtle.verify("Ed25519", key, content.slice(32), message));
  if (!signed || toText(exchangeForm(signer)) !== public_key) throw unusable(`proof of ${officer}`);
}

/** Give u = (1 + y) / (1 - y), little endian (RFC 7748, 4.1). */
function exchangeForm(signer) {
  const y = BigInt("0x" + hex(signer.slice().reverse())) & (2n ** 255n - 1n);
  const u = ((1n + y) * power(mod(1n - y), PRIME - 2n)) % PRIME;
  return fromHex(u.toString(16).padStart(64, "0")).reverse();
}

function power(base, exponent) {
  let result = 1n;
  for (; exponent; exponent >>= 1n, base = (base * base) % PRIME) if (exponent & 1n) result = (result * base) % PRIME;
  return result;
}

const mod = (value) => ((value % PRIME) + PRIME) % PRIME;

function fingerprinted({ officers, threshold }) {
  const members = officers.map(({ officer, public_key, recovery, proof }) => ({
    officer, public_key, ...(recovery ? { recovery: true } : {}), ...(proof == null ? {} : { proof }),
  }));
  return { officers: members, threshold };
}

async function envelopeOf({ name, content, files, secret }, keys) {
  const papers = await Promise.all(files.map((each) => each.papers()));
  const { kind, lots } = content;
  const manifest = canonical({ scheme: SCHEME, kind, lots, files: papers.map((each) => each.told) });
  const { paper, ciphertext } = await sealPaper(name, keys, secret, manifest);
  return {
    scheme: SCHEME, consultation: name.consultation, bid: name.bid, number: name.number, kind, lots, sealed_by: "bidder",
    fingerprint: keys.fingerprint, threshold: keys.threshold, files: papers.map((each) => each.sealed),
    manifest: paper, manifest_ciphertext: toText(ciphertext),
  };
}

/** Seal the manifest: part 0, one segment. */
async function sealPaper(name, keys, secret, text) {
  const segment = new Segment(name, keys, { part: 0, number: 1 }, secret, 0, text.length);
  const pieces = [];
  for (let index = 0; index < segment.chunks; index++) pieces.push((await segment.seal(new Blob([text]), index)).sealed);
  const ciphertext = concat(...pieces);
  segment.hash.update(ciphertext);
  const paper = await segment.paper();
  return { paper: { number: 0, size: ciphertext.length, sha256: paper.sha256, segments: [paper] }, ciphertext };
}

function manifestSegment({ part, number, size, key_commitment, shares }) {
  return { part, number, size, key_commitment, share_commitments: shares.map((each) => each.commitment) };
}

/** Split a segment's secret among the officers and seal each share to its officer. */
async function deal(secret, bind, keys) {
  const { needed, points } = sharing(keys);
  const polynomial = [secret];
  for (let degree = 1; degree < needed; degree++) polynomial.push(await derive(secret, bind("coefficient", degree)));
  const shares = keys.officers.map(async ({ officer, public_key }, index) => {
    const share = concat(...points[index].map((at) => evaluate(polynomial, at)));
    const seed = await derive(secret, bind("ephemeral", officer));
    const sealed = await hpkeSeal(share, fromText(public_key), bind("share", officer), seed);
    const commitment = hex(sha256(bind("share-commitment", officer, toText(share))));
    return { officer, sealed: toText(sealed), commitment };
  });
  return { key_commitment: hex(await derive(secret, bind("commitment"))), shares: await Promise.all(shares) };
}

/** Give a point of the polynomial, each byte apart in GF(2^8) with the polynomial 0x11B (Horner). */
export function evaluate(polynomial, at) {
  return polynomial.reduceRight((value, coefficient) => coefficient.map((byte, place) => multiply(value[place], at) ^ byte), new Uint8Array(SECRET));
}

/** Multiply in the field; no table and no branch on a secret. */
function multiply(left, right) {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    product ^= left * ((right >> bit) & 1);
    left = ((left << 1) & 0xff) ^ ((left >> 7) * 0x1b);
  }
  return product;
}

/** HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; gives enc || ciphertext. */
export async function hpkeSeal(plaintext, recipient, info, seed) {
  const kem = concat(utf8.encode("KEM"), Uint8Array.of(0, 0x20));
  const suite = concat(utf8.encode("HPKE"), Uint8Array.of(0, 0x20, 0, 1, 0, 2));
  const scalar = await expand(kem, await extract(kem, NOTHING, "dkp_prk", seed), "sk", NOTHING, 32);
  const enc = await exchange(scalar, Uint8Array.of(9, ...new Array(31).fill(0)));
  const dh = await exchange(scalar, recipient);
  const shared = await expand(kem, await extract(kem, NOTHING, "eae_prk", dh), "shared_secret", concat(enc, recipient), 32);
  const context = concat(
    Uint8Array.of(0), await extract(suite, NOTHING, "psk_id_hash", NOTHING), await extract(suite, NOTHING, "info_hash", info),
  );
  const secret = await extract(suite, shared, "secret", NOTHING);
  const key = await subtle.importKey("raw", await expand(suite, secret, "key", context, 32), "AES-GCM", false, ["encrypt"]);
  const iv = await expand(suite, secret, "base_nonce", context, 12);
  return concat(enc, new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv }, key, plaintext)));
}

async function exchange(scalar, point) {
  const head = fromHex("302e020100300506032b656e04220420"); // PKCS #8 of an X25519 key (RFC 8410)
  const key = await subtle.importKey("pkcs8", concat(head, scalar), "X25519", false, ["deriveBits"]);
  const other = await subtle.importKey("raw", point, "X25519", false, []);
  return new Uint8Array(await subtle.deriveBits({ name: "X25519", public: other }, key, 8 * ENC));
}

const extract = (suite, salt, label, material) =>
  hmac(salt.length ? salt : new Uint8Array(32), concat(utf8.encode("HPKE-v1"), suite, utf8.encode(label), material));

async function expand(suite, key, label, info, length) {
  const labeled = concat(Uint8Array.of(length >> 8, length & 0xff), utf8.encode("HPKE-v1"), suite, utf8.encode(label), info);
  return (await hmac(key, concat(labeled, Uint8Array.of(1)))).slice(0, length); // one block: length <= 32
}

async function hmac(key, data) {
  const imported = await subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, data));
}

async function derive(secret, info) {
  const key = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: NOTHING, info }, key, 256));
}

async function sealChunk(key, context, index, plain, final) {
  const place = new DataView(new ArrayBuffer(12));
  place.setBigUint64(4, BigInt(index));
  const iv = new Uint8Array(place.buffer);
  const additionalData = concat(context, iv.subarray(4), Uint8Array.of(final ? 1 : 0));
  return new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain));
}

function binding(name, { part, number }, purpose, ...more) {
  return canonical([SCHEME, purpose, name.fingerprint, name.consultation, name.bid, name.number, part, number, ...more]);
}

/** @returns {EnvelopeName} */
function nameOf({ consultation, bid, keys }, number) {
  return { consultation: consultation.toLowerCase(), bid: bid.toLowerCase(), number, fingerprint: keys.fingerprint };
}

/** Give the one JSON text of a value, as bytes (RFC 8785): members sorted by UTF-16 units, numbers and strings as ECMAScript writes them. */
export function canonical(value) {
  return utf8.encode(JSON.stringify(value, (_, each) => (isRecord(each) ? sorted(each) : each)));
}

const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const sorted = (value) => Object.fromEntries(Object.keys(value).sort().map((key) => [key, value[key]]));

/** Give the bytes of ciphertext of a file of so many bytes, sealed in one segment. @param {number} size */
export const sealedSize = (size) => size + TAG * (Math.floor(size / CHUNK) + 1);

/** Write bytes as base64url without padding. @param {Uint8Array} bytes */
export function toText(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Read base64url without padding. @param {string} text */
export function fromText(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
}

export const hex = (bytes) => Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from(text.match(/../g), (each) => parseInt(each, 16));
const randomBytes = (size) => globalThis.crypto.getRandomValues(new Uint8Array(size));

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of parts) whole.set(each, (at += each.length) - each.length);
  return whole;
}

const changed = () =>
  new SealingError("Un fichier a changé pendant le dépôt : recommencez ce pli.", "A file changed while it was sealed: start this bid again.");
const unusable = (what) =>
  new SealingError(`Jeu de clés inutilisable (${what}) : prévenez l'acheteur.`, `This key set cannot work (${what}): tell the buyer.`);
