// What a request costs at most, from what each seller asks. The server's word counts; this is told before it is asked.

const UNIT = 1_000_000; // micro-units

/** `sellers`: of each, micro-units for a row and how many rows are still free. */
export function cost(sellers, rows) {
  return sellers.reduce((sum, [micros, free]) => sum + micros * Math.max(0, rows - free), 0);
}

/** `$0.0015`: as the server writes it, at least two decimal places and as many as it takes. */
export function written(micros, sign) {
  const part = String(micros % UNIT)
    .padStart(6, "0")
    .replace(/0{1,4}$/, "");
  return `${sign}${Math.floor(micros / UNIT).toLocaleString("en-US")}.${part}`;
}
