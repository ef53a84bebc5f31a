import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { quote, splitCommand, UnclosedQuoteError } from "./shell";

describe("splitCommand", () => {
  it.each([
    ["", []],
    ["  bash  ", ["bash"]],
    ["sh -c 'echo hello; sleep 5'", ["sh", "-c", "echo hello; sleep 5"]],
    ['echo "a \\"b\\" c" d', ["echo", 'a "b" c', "d"]],
    ["a\\ b c", ["a b", "c"]],
    ["''", [""]],
    [`pre'fix 'and"suffix"`, ["prefix andsuffix"]],
    ["echo '\\n'", ["echo", "\\n"]],
    ['echo "\\n"', ["echo", "\\n"]],
    ["a\tb\nc", ["a", "b", "c"]],
  ])("%j", (line, words) => expect(splitCommand(line)).toEqual(words));

  it.each(["'open", '"open', "back\\"])("refuses %j", (line) =>
    expect(() => splitCommand(line)).toThrow(UnclosedQuoteError),
  );
});

describe("quote", () => {
  const words = ["plain", "two words", "it's", 'a "b"', "$HOME `id` \\", "", "*", "a\nb", "--x=1"];

  it("is read back by us", () => {
    expect(splitCommand(words.map(quote).join(" "))).toEqual(words);
  });

  it("is read back by a shell", () => {
    const script = `printf '%s\\0' ${words.map(quote).join(" ")}`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(words);
  });
});
