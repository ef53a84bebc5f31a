import { describe, expect, it } from "vitest";
import type { LogFrame } from "@/api/types";
import { Assembler, clean, type Line, plainText, render, width } from "./lines";

const frame = (message: string, more: Partial<LogFrame> = {}): LogFrame => ({
  timestamp: "2026-01-01T12:00:00.123456789Z",
  level: "info",
  stream: "stdout",
  message,
  ...more,
});

const line = (text: string, more: Partial<Line> = {}): Line => ({
  timestamp: "2026-01-01T12:00:00.123456789Z",
  level: "info",
  stream: "stdout",
  text,
  ...more,
});

describe("clean", () => {
  it("keeps text, tabs and colours", () => {
    expect(clean("a\tb \x1b[1;32mgreen\x1b[0m ünï 漢 🙂")).toBe("a\tb \x1b[1;32mgreen\x1b[0m ünï 漢 🙂");
  });

  it.each([
    ["moves of the cursor", "a\x1b[2A\x1b[10;5Hb", "ab"],
    ["clearing the screen", "a\x1b[2J\x1b[Kb", "ab"],
    ["the other screen", "\x1b[?1049ha\x1b[?25l", "a"],
    ["titles", "\x1b]0;a title\x07b", "b"],
    ["links ended by ST", "\x1b]8;;http://x\x1b\\b", "b"],
    ["a reset", "\x1bca", "a"],
    ["an eight-bit CSI", "\x9b2Ja", "a"],
    ["a lonely escape at the end", "a\x1b", "a"],
    ["bells and backspaces", "a\x07\x08b", "ab"],
    ["a newline within", "a\nb", "ab"],
  ])("drops %s", (_, text, want) => {
    expect(clean(text)).toBe(want);
  });

  it("shows what a carriage return left", () => {
    expect(clean("10%\r50%\r100%")).toBe("100%");
    expect(clean("done\r")).toBe("done");
  });

  it("takes a megabyte of escapes in no time", () => {
    expect(clean("\x1b]".repeat(1 << 19))).toBe("");
  });
});

describe("Assembler", () => {
  it("puts partial frames of a stream together", () => {
    const assembler = new Assembler();
    expect(assembler.add(frame("one ", { partial: true }))).toBeUndefined();
    expect(assembler.add(frame("other", { stream: "stderr" }))?.text).toBe("other");
    expect(assembler.add(frame("line"))?.text).toBe("one line");
    expect(assembler.add(frame("next"))?.text).toBe("next");
  });

  it("does not wait for ever for the end of a line", () => {
    const assembler = new Assembler();
    const piece = "x".repeat(1 << 14);
    const lines = Array.from({ length: 4 }, () => assembler.add(frame(piece, { partial: true })));
    expect(lines.map((each) => each?.text.length)).toEqual([undefined, undefined, undefined, 1 << 16]);
  });
});

describe("render", () => {
  it("colours what went wrong, and ends every colour", () => {
    expect(render(line("plain"), false)).toBe("plain\x1b[0m\r\n");
    expect(render(line("bad", { level: "error" }), false)).toBe("\x1b[31mbad\x1b[0m\r\n");
    expect(render(line("over", { stream: "system" }), false)).toContain("over\x1b[0m\r\n");
  });

  it("puts the time in front", () => {
    expect(render(line("x"), true)).toMatch(/\d\d:00:00\.123/);
  });

  it("makes a text file without colours", () => {
    const lines = [line("\x1b[31mred\x1b[0m"), line("plain")];
    expect(plainText(lines)).toBe(
      "2026-01-01T12:00:00.123456789Z red\n2026-01-01T12:00:00.123456789Z plain\n",
    );
  });

  it("knows how wide a line is", () => {
    expect(width(line("\x1b[31mred\x1b[0m"), false)).toBe(3);
    expect(width(line("red"), true)).toBe(16);
  });
});
