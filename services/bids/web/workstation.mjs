/** The check of a workstation before a deposit: what it has, what it lacks, and how to mend that. */

import { canonical, hex, sealBid, toText } from "./halles-seal.mjs";
import { sha256 } from "./sha256.mjs";

const SAMPLE = 8 * 2 ** 20; // bytes sealed to know the speed
const SKEW = 120; // seconds
const subtle = globalThis.crypto?.subtle;

/** Each check: its name in French and in English, and what it gives when it holds; it throws what is to be mended. */
const CHECKS = [
  ["Page servie de façon sûre", "Page served securely", secure],
  ["Chiffrement X25519", "X25519 encryption", exchange],
  ["Signature Ed25519", "Ed25519 signature", signature],
  ["Scellement et vitesse", "Sealing and its speed", speed],
  ["Heure de l'ordinateur", "Clock of the computer", clock],
];

/** Run all checks. @returns {Promise<{name: string, english: string, ok: boolean, told: string}[]>} */
export async function checkWorkstation() {
  const results = [];
  for (const [name, english, check] of CHECKS) {
    try {
      results.push({ name, english, ok: true, told: await check() });
    } catch (error) {
      results.push({ name, english, ok: false, told: error.message });
    }
  }
  return results;
}

function secure() {
  if (!globalThis.isSecureContext || !subtle) throw new Error("Ouvrez cette page en https. / Open this page over https.");
  return "oui / yes";
}

async function exchange() {
  await mended(() => subtle.generateKey("X25519", true, ["deriveBits"]));
  return "présent / present";
}

async function signature() {
  await mended(() => subtle.generateKey("Ed25519", true, ["sign", "verify"]));
  return "présente / present";
}

async function mended(step) {
  try {
    return await step();
  } catch {
    throw new Error(
      "Mettez votre navigateur à jour (Firefox 130, Chrome ou Edge 137, Safari 17 au moins), ou déposez avec l'outil de bureau. / Update your browser.",
    );
  }
}

/** Seal a sample to a key made for it: exactly what a deposit does. */
async function speed() {
  const pair = await subtle.generateKey("X25519", true, ["deriveBits"]);
  const officers = [{ officer: "essai", public_key: toText(new Uint8Array(await subtle.exportKey("raw", pair.publicKey))) }];
  const keys = { threshold: 1, officers, fingerprint: hex(sha256(canonical({ officers, threshold: 1 }))) };
  const file = { name: "essai", type: "", content: new Blob([new Uint8Array(SAMPLE)]) };
  const envelopes = [{ kind: "offer", lots: ["essai"], files: [file] }];
  const begun = performance.now();
  const sealed = await sealBid({ consultation: crypto.randomUUID(), bid: crypto.randomUUID(), keys, envelopes });
  await sealed.envelopes();
  return `${Math.round(SAMPLE / 2 ** 20 / ((performance.now() - begun) / 1000))} Mio/s`;
}

async function clock() {
  const answer = await fetch(import.meta.url, { cache: "no-store" });
  const server = Date.parse(answer.headers.get("Date"));
  const skew = Math.round((Date.now() - server) / 1000);
  if (!(Math.abs(skew) <= SKEW)) {
    throw new Error(
      `Votre horloge a ${skew} s d'écart avec la plateforme ; seule l'heure de la plateforme compte. / Your clock is ${skew} s off; only the platform's counts.`,
    );
  }
  return `${skew} s d'écart / off`;
}

const list = globalThis.document?.querySelector("#checks");
if (list) {
  const results = await checkWorkstation();
  for (const { name, english, ok, told } of results) {
    const item = list.appendChild(document.createElement("li"));
    item.className = ok ? "ok" : "missing";
    item.textContent = `${name} (${english}) : ${told}`;
  }
  const verdict = document.querySelector("#verdict");
  const ready = results.every((each) => each.ok);
  verdict.textContent = ready
    ? "Votre poste est prêt pour déposer un pli. / Your workstation is ready."
    : "Votre poste n'est pas prêt : suivez les indications. / Your workstation is not ready: see above.";
  verdict.dataset.ready = String(ready);
}
