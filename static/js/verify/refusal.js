// The two ways a certificate is turned away: it is not one (Refusal), or what it claims is false (Falsity).
// Both carry what was expected and what was found, as the Python implementation's errors do.

export class Refusal extends Error {
  constructor(detail, { code = "invalid", pointer = "", expected = "", got = "" } = {}) {
    super(detail);
    Object.assign(this, { code, pointer, expected: String(expected), got: String(got) });
  }
}

export class Falsity extends Refusal {}

/** One line for people. */
export function written(problem) {
  if (!(problem instanceof Refusal)) return problem.message;
  const where = problem.pointer ? `${problem.pointer}: ` : "";
  const what = problem.expected && problem.got ? ` (expected ${problem.expected}, got ${problem.got})` : "";
  return where + problem.message + what;
}
