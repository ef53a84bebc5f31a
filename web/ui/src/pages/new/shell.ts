// Command lines: read as a POSIX shell reads words, and written so that it reads the same again.

/** Thrown for a line that is no list of words. */
export class UnclosedQuoteError extends Error {}

/**
 * Splits a line into words: blanks separate, quotes keep together, a backslash keeps what follows.
 * Nothing is expanded, since no shell runs.
 */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (quote === "'") {
      if (char === quote) quote = undefined;
      else word += char;
    } else if (char === "\\" && (quote === undefined || '"\\$`'.includes(line.charAt(i + 1)))) {
      i++;
      if (i === line.length) throw new UnclosedQuoteError("a backslash at the end keeps nothing");
      word = (word ?? "") + line.charAt(i);
    } else if (quote === '"') {
      if (char === quote) quote = undefined;
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== undefined) throw new UnclosedQuoteError(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

/** A word as a shell takes it literally. */
export function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
