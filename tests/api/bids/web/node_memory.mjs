/** Seal a big file from the disk; give the peak of the memory, in bytes. */

import { openAsBlob } from "node:fs";
import { sealBid } from "../../../../services/bids/web/halles-seal.mjs";

const [path, keys] = process.argv.slice(2);
const file = { name: "grand.bin", type: "", content: await openAsBlob(path) };
const before = process.resourceUsage().maxRSS;
const plan = { consultation: crypto.randomUUID(), bid: crypto.randomUUID(), keys: JSON.parse(keys) };
const sealed = await sealBid({ ...plan, envelopes: [{ kind: "offer", lots: ["LOT-0001"], files: [file] }] });
let size = 0;
for await (const chunk of sealed.files[0].stream()) size += chunk.length;
await sealed.envelopes();
const { maxRSS, userCPUTime } = process.resourceUsage();
process.stdout.write(JSON.stringify({ size, announced: sealed.files[0].size, grown: 1024 * (maxRSS - before), seconds: userCPUTime / 1e6 }));
