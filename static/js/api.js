// Calls to Assay's own REST API with the page's session; a refusal becomes a Problem (RFC 9457).

export class Problem extends Error {
  constructor(document) {
    super(document.detail ?? document.title ?? "The request was refused");
    Object.assign(this, document);
  }
}

const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

/** The parsed answer; null for one without a body. Throws Problem, or TypeError where the network is down. */
export async function call(method, url, { json, body, headers = {} } = {}) {
  const response = await fetch(url, {
    method,
    body: json === undefined ? body : JSON.stringify(json),
    headers: {
      Accept: "application/json",
      "X-CSRFToken": token(),
      ...(json === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
  });
  const isJson = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
  const answer = isJson ? await response.json() : null;
  if (!response.ok) throw new Problem({ ...(answer ?? { detail: `the server answered ${response.status}` }), status: response.status });
  return answer;
}

/** A notice that says what is wrong, where, and what to try; as the pages' own notices look. */
export function notice(problem) {
  const box = Object.assign(document.createElement("div"), { className: "alert alert-danger" });
  const say = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/[.!?]?$/, (end) => end || ".");
  const first = document.createElement("p");
  first.append(Object.assign(document.createElement("strong"), { textContent: say(problem.message) }), ` ${problem.hint ?? ""}`);
  box.append(first);
  const where = [
    problem.pointer && `At ${problem.pointer}.`,
    problem.expected && `Expected ${problem.expected}.`,
    problem.got && `Got ${problem.got}.`,
  ].filter(Boolean);
  if (where.length) box.append(Object.assign(document.createElement("p"), { className: "small", textContent: where.join(" ") }));
  return box;
}
