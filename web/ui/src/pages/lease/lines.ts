// The lines of a log, as they are shown: what the frames of a stream say, made safe for a terminal.
import type { LogFrame } from "@/api/types";

export interface Line {
  /** RFC 3339 with nanoseconds, as the server sent it. */
  timestamp: string;
  level: LogFrame["level"];
  stream: LogFrame["stream"];
  /** Without any control character but tabs and those that colour. */
  text: string;
}

/** A line as long as this is shown in pieces. */
const longest = 1 << 16;

/**
 * Puts lines together again that came in more than one frame. The last frame of a stream says why it
 * ended: it is a line like the others.
 */
export class Assembler {
  private readonly begun = new Map<LogFrame["stream"], string>();

  /** Returns the line that a frame completes, if it does. */
  add(frame: LogFrame): Line | undefined {
    const text = (this.begun.get(frame.stream) ?? "") + frame.message;
    if (frame.partial && text.length < longest) {
      this.begun.set(frame.stream, text);
      return undefined;
    }
    this.begun.delete(frame.stream);
    return { timestamp: frame.timestamp, level: frame.level, stream: frame.stream, text: clean(text) };
  }
}

// What a terminal would obey (ECMA-48): colours and weights, which alone are kept; strings such as titles;
// control sequences; other escapes; and single control characters but tabs.
const escapes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about control characters
  /(\x1b\[[0-9;:]*m)|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f]/g;

/**
 * Takes from a line whatever would move the cursor, clear the screen or set a title: a container's output
 * must not be able to hide or forge other lines. What a carriage return overwrites is left out, as in a
 * terminal.
 */
export function clean(text: string): string {
  const trimmed = text.replace(/\r+$/, "");
  const visible = trimmed.slice(trimmed.lastIndexOf("\r") + 1);
  return visible.replace(escapes, (_, colour?: string) => colour ?? "");
}

const reset = "\x1b[0m";
/** The palette's grey: SGR's own dim is too faint to read. */
const dim = "\x1b[90m";

/** How the levels that matter are coloured: by the terminal's palette, which goes with the scheme. */
const colours: Partial<Record<LogFrame["level"], string>> = {
  trace: dim,
  debug: dim,
  warn: "\x1b[33m",
  error: "\x1b[31m",
  fatal: "\x1b[1;31m",
};

/** A line for the terminal, with its newline. */
export function render(line: Line, withTimestamp: boolean): string {
  const stamp = withTimestamp ? `${dim}${shortTime(line.timestamp)}${reset} ` : "";
  if (line.stream === "system") return `${stamp}\x1b[3;36m${line.text}${reset}\r\n`;
  const colour = colours[line.level] ?? "";
  return `${stamp}${colour}${line.text}${reset}\r\n`;
}

/** The time of a timestamp, in the browser's zone, to the millisecond. */
function shortTime(timestamp: string): string {
  const at = new Date(timestamp);
  const two = (n: number) => String(n).padStart(2, "0");
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is about control characters
const colour = /\x1b\[[0-9;:]*m/g;

/** The lines as a text file has them: with their whole timestamps and without colours. */
export function plainText(lines: readonly Line[]): string {
  return lines.map(({ timestamp, text }) => `${timestamp} ${text.replace(colour, "")}\n`).join("");
}

/** How many columns a line takes, about: wide characters count as one. */
export function width(line: Line, withTimestamp: boolean): number {
  return line.text.replace(colour, "").replaceAll("\t", "        ").length + (withTimestamp ? 13 : 0);
}
