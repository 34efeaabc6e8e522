// Who said what in a group, in words, for people only; a certificate may hold anything, so nothing is taken for granted.

const SILENCE = { abstained: "abstained", error: "had an error", absent: "was silent", withheld: "withheld its answer" };

/** One text for each member: its vote, on the first row where there are several. */
export function byMember({ epochs, ended }) {
  const { configuration } = epochs.at(-1);
  return configuration.members.slice(0, ended.said.length).map(({ owner }, i) => {
    const { status, votes } = ended.said[i];
    if (status !== "answered") return `${owner} ${SILENCE[status]}`;
    return `${owner} voted ${written(configuration.answer, votes[0])}${votes.length > 1 ? ` on row 1 of ${votes.length}` : ""}`;
  });
}

function written(answer, vote) {
  if (answer.kind === "values") return String(vote / answer.scale);
  return answer.labels[vote] ?? `class ${vote}, which has no label`;
}

/** Whose keys one trusts who believes a group's certificate, by the numbers of their epochs. */
export function whoseKeys(epochs) {
  const [before, last] = [epochs.slice(0, -1), epochs.at(-1)];
  return `the keys of 2f + 1 members of ${before.length ? `each of epochs ${before.join(", ")} and ${last}` : `epoch ${last}`}`;
}
