// From the members' votes on one row to the group's answer. Exact: votes go up to 2^53, so sums are of BigInts.

const HIGHEST = Number.MAX_SAFE_INTEGER; // of what may be voted, and its negative the lowest

/** Rules by name: (votes, how many are absent, f, how many votes are asked for) => {value or null, firm}. */
export const AGGREGATORS = {
  plurality: (votes, absent, f, asked) => {
    const least = Math.max(asked, f + 1);
    const counts = new Map();
    for (const vote of votes) counts.set(vote, (counts.get(vote) ?? 0) + 1);
    const [[label, most] = [0, 0], [, second] = [0, 0]] = [...counts].sort(([, a], [, b]) => b - a);
    if (most >= least && most > second) return { value: label, firm: most > second + absent };
    return { value: null, firm: absent === 0 || most + absent < least };
  },
  median: ofValues((sorted) => sorted[Math.floor((sorted.length - 1) / 2)]),
  "trimmed-mean": ofValues((sorted, f) => mean(sorted.slice(f, sorted.length - f))),
};

export const ofLabels = (name) => name === "plurality";

/** A rule that grows with each value: so extreme values in place of the absent bound whatever they might have said. */
function ofValues(of) {
  return (votes, absent, f, asked) => {
    const least = Math.max(asked, 2 * f + 1);
    if (votes.length < least) return { value: null, firm: votes.length + absent < least };
    const after = (more) => of([...votes, ...more].sort((a, b) => a - b), f);
    const value = after([]);
    let firm = true;
    for (let late = 1; late <= absent; late++) {
      for (const extreme of [-HIGHEST, HIGHEST]) firm &&= after(Array(late).fill(extreme)) === value;
    }
    return { value, firm };
  };
}

/** Rounded half up: the floor of (2·sum + n) / 2n. */
function mean(values) {
  const n = BigInt(values.length);
  const twice = 2n * values.reduce((sum, value) => sum + BigInt(value), 0n) + n;
  const floor = twice / (2n * n) - (twice % (2n * n) < 0n ? 1n : 0n); // BigInt division rounds towards zero
  return Number(floor);
}
