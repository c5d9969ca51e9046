/**
 * Shows `text` in the banner, once. Errors are for what failed; warnings and missing parts come
 * from the writer.
 * @param {string} text
 * @param {"error"|"warning"|"missing"} [kind]
 */
export function showNote(text, kind = "error") {
  const banner = document.getElementById("banner");
  if (!banner) return;
  for (const line of banner.querySelectorAll("p")) if (line.textContent === text) return;
  const line = document.createElement("p");
  line.className = kind;
  line.textContent = text;
  banner.append(line);
  banner.hidden = false;
}

/**
 * What an exception says, for people.
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
