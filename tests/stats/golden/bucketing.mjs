// Bucketing vectors made in JavaScript, so that two languages agree. Run by hand:
//   node tests/stats/golden/bucketing.mjs
// SDKs in any language test themselves against bucketing.json.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";

const UTF8 = new TextEncoder();

function bucket(purpose, key, unitId, salt) {
  const text = `groundswell:1:${purpose}\0${salt}\0${key}\0${unitId}`;
  const digest = createHash("sha256").update(UTF8.encode(text)).digest();
  return (digest.readUInt32BE(0) * 2 ** 21 + (digest.readUInt32BE(4) >>> 11)) / 2 ** 53;
}

function chooseVariant(key, unitId, weights, salt, whole) {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  const point = bucket("variant", key, unitId, salt) * (whole ?? total);
  let upper = 0;
  for (const [variant, weight] of weights) {
    upper += weight;
    if (point < upper) return variant;
  }
  const chosen = weights.filter(([, weight]) => weight > 0).map(([variant]) => variant);
  return whole === null && chosen.length > 0 ? chosen[chosen.length - 1] : null;
}

const ids = ["user_123", "distinct_id_0", "018f2c1e-7b0a-7cc0-9a3e-0c1d2e3f4a5b", "", "jürgen@exämple.at", "日本語", "👩‍💻", "half\ud83d", "a".repeat(300)];
const keys = [["checkout", ""], ["checkout", "s1"], ["price test 7", "2026"], ["schlüssel", "salz"]];
const splits = [
  { weights: [["control", 50], ["test", 50]], whole: null },
  { weights: [["a", 1], ["b", 1], ["c", 1]], whole: null },
  { weights: [["a", 33.3], ["b", 33.3]], whole: 100 },
  { weights: [["never", 0], ["always", 1]], whole: null },
];
const buckets = [];
const variants = [];
for (const [key, salt] of keys)
  for (const unit_id of ids) {
    for (const purpose of ["rollout", "variant", "holdout", "layer"])
      buckets.push({ purpose, key, unit_id, salt, bucket: bucket(purpose, key, unit_id, salt) });
    for (const { weights, whole } of splits)
      variants.push({ key, unit_id, salt, weights, whole, variant: chooseVariant(key, unit_id, weights, salt, whole) });
  }
const lines = (rows) => rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n");
writeFileSync(
  new URL("bucketing.json", import.meta.url),
  `{"scheme": 1, "buckets": [\n${lines(buckets)}\n], "variants": [\n${lines(variants)}\n]}\n`,
);
