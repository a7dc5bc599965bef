/** Seal the cases given on the standard input; give the results on the standard output. */

import { text } from "node:stream/consumers";
import { sealCase } from "./vectors.mjs";

const results = [];
for (const each of JSON.parse(await text(process.stdin))) results.push(await sealCase(each));
process.stdout.write(JSON.stringify(results));
