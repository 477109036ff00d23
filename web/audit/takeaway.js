// What is taken away: answers of the API as files, made here from what the page already has.

/** Give a file to the browser to keep. */
export function keep(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Features as GeoJSON of RFC 7946. */
export const geojson = (features) => new Blob([JSON.stringify({ type: "FeatureCollection", features })], { type: "application/geo+json" });

/** Rows as CSV: with the mark that spreadsheets know UTF-8 by, and no text that they would take for a formula. */
export function csv(columns, rows) {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return new Blob(["\ufeff", ...lines.map((line) => `${line.map(cell).join(",")}\r\n`)], { type: "text/csv" });
}

function cell(value) {
  if (typeof value === "number") return String(value); // a longitude of the west begins with a minus and is no formula
  const text = String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
