/** SHA-256 (FIPS 180-4) of bytes as they come: WebCrypto's own digest wants the whole file in memory. */

const ROUNDS = constants();
const START = Int32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);
const BLOCK = 64;

/** A running hash. */
export class Sha256 {
  constructor() {
    this.state = START.slice();
    this.waiting = new Uint8Array(BLOCK);
    this.held = 0;
    this.length = 0;
    this.words = new Int32Array(BLOCK);
  }

  /** Take more bytes. @param {Uint8Array} data @returns {this} */
  update(data) {
    this.length += data.length;
    let at = 0;
    if (this.held) {
      at = Math.min(BLOCK - this.held, data.length);
      this.waiting.set(data.subarray(0, at), this.held);
      this.held += at;
      if (this.held < BLOCK) return this;
      this.block(this.waiting, 0);
    }
    for (; at + BLOCK <= data.length; at += BLOCK) this.block(data, at);
    this.waiting.set(data.subarray(at));
    this.held = data.length - at;
    return this;
  }

  /** Give the hash; the running hash is at its end. @returns {Uint8Array} */
  digest() {
    const length = this.length;
    const rest = (BLOCK + 56 - ((length + 1) % BLOCK)) % BLOCK;
    const end = new Uint8Array(1 + rest + 8);
    end[0] = 0x80;
    new DataView(end.buffer).setBigUint64(1 + rest, BigInt(length) * 8n);
    this.update(end);
    const result = new DataView(new ArrayBuffer(32));
    this.state.forEach((word, index) => result.setInt32(4 * index, word));
    return new Uint8Array(result.buffer);
  }

  /** Give the hash in hexadecimal, as often as asked. */
  hex() {
    this.text ??= Array.from(this.digest(), (each) => each.toString(16).padStart(2, "0")).join("");
    return this.text;
  }

  block(data, at) {
    const w = this.words;
    for (let i = 0; i < 16; i++, at += 4) w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const s = this.state;
    let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7]; // not by an iterator: ten times slower
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    s[0] = (s[0] + a) | 0; s[1] = (s[1] + b) | 0; s[2] = (s[2] + c) | 0; s[3] = (s[3] + d) | 0;
    s[4] = (s[4] + e) | 0; s[5] = (s[5] + f) | 0; s[6] = (s[6] + g) | 0; s[7] = (s[7] + h) | 0;
  }
}

/** Give the hash of bytes held in memory. @param {Uint8Array} data */
export const sha256 = (data) => new Sha256().update(data).digest();

/** Give the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
function constants() {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((each) => n % each)) primes.push(n);
  return Int32Array.from(primes, (each) => Number(root(BigInt(each) << 96n) & 0xffffffffn) | 0);
}

/** Give the whole part of a cube root. */
function root(value) {
  let low = 0n;
  let high = 1n << 40n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** 3n <= value) low = middle;
    else high = middle - 1n;
  }
  return low;
}
