// tus-js-client against a server: reads {endpoint, headers, size, chunkSize, parallel, abortAfter} as JSON, tells what came of it.
import { readFileSync } from 'node:fs';
import tus from 'tus-js-client';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const data = Buffer.from(asked.data, 'base64');

function upload(options) {
  return new Promise((resolve, reject) => {
    const made = new tus.Upload(data, {
      endpoint: asked.endpoint, headers: asked.headers, chunkSize: asked.chunkSize || Infinity,
      parallelUploads: asked.parallel || 1, uploadDataDuringCreation: Boolean(asked.during), retryDelays: [100, 500, 1000],
      metadata: asked.parallel ? {} : { filename: 'offre é.pdf' }, ...options,
      onError: reject, onSuccess: () => resolve(made.url),
      onProgress: (sent) => {
        if (options.abortAfter && sent >= options.abortAfter) {
          made.abort().then(() => resolve(made.url), reject);
        }
      },
    });
    made.start();
  });
}

let url = null;
if (asked.abortAfter) {
  url = await upload({ abortAfter: asked.abortAfter });
}
url = await upload(url ? { uploadUrl: url } : {});
if (asked.terminate) {
  await tus.Upload.terminate(url, { headers: asked.headers, retryDelays: null });
}
console.log(JSON.stringify({ url }));
