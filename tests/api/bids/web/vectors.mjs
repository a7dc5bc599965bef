/** Seal what the test vectors of docs/sealing.md say, and give what came out, for the test to compare to the byte. */

import { canonical, hex, sealBid } from "../../../../services/bids/web/halles-seal.mjs";
import { sha256 } from "../../../../services/bids/web/sha256.mjs";

/** @param {object} given  the vector's case, and its plaintexts in hexadecimal */
export async function sealCase(given) {
  const { consultation, bid } = given.envelopes[0];
  let drawn = 0;
  const entropy = (size) => sha256(new TextEncoder().encode(`bid ${bid} ${drawn++}`)).slice(0, size);
  const content = (file) => ({ ...given.contents[file.number - 1], content: blob(given.contents[file.number - 1].hex) });
  const envelopes = given.envelopes.map(({ kind, lots, files }) => ({ kind, lots, files: files.map(content) }));
  const segmentSize = given.segment_size ?? undefined;
  const sealed = await sealBid({ consultation, bid, keys: given.opening, envelopes, entropy, segmentSize });
  const ciphertexts = [];
  for (const file of sealed.files) ciphertexts.push(hex(await bytes(file.stream(0))));
  const resumed = [];
  for (const file of sealed.files) for (const at of offsets(file.size)) resumed.push({ file: file.number, at, hex: hex(await bytes(file.stream(at))) });
  return { envelopes: (await sealed.envelopes()).map((each) => new TextDecoder().decode(canonical(each))), ciphertexts, resumed };
}

const offsets = (size) => [1, 15, 16, 65551, 65552, 65553, size - 1, size].filter((at) => at <= size);
const blob = (text) => new Blob([Uint8Array.from(text.match(/../g) ?? [], (each) => parseInt(each, 16))]);
const bytes = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());
