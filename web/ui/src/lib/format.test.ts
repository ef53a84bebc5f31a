import { expect, it } from "vitest";
import { count, cpu, exactMoney, memory, money } from "./format";

const zero = (0).toLocaleString().codePointAt(0) ?? 0;

/** Without what depends on the language: signs, separators, blanks, and how a digit looks. */
const digits = (text: string) =>
  text.replace(/\P{Nd}/gu, "").replace(/./gu, (digit) => String((digit.codePointAt(0) ?? 0) - zero));

it("keeps four decimals of a small amount, and two of others", () => {
  expect(digits(money(11_251_338n, "USD"))).toBe("00113");
  expect(digits(money(100_000_000n, "USD"))).toBe("01000");
  expect(digits(money(1_250_000_000n, "USD"))).toBe("125");
  expect(digits(money(999_900_000n, "USD"))).toBe("09999");
  expect(digits(money(1_000_000_000n, "USD"))).toBe("100");
  expect(digits(money(0n, "USD"))).toBe("000");
  expect(digits(money(1_234_567_890_000_000n, "USD"))).toBe("123456789");
  expect(money(1_000_000_000n, "EUR")).toMatch(/€|EUR/);
});

it("keeps every decimal of a bill, however large", () => {
  expect(digits(exactMoney(11_251_338n, "USD"))).toBe("0011251338");
  expect(digits(exactMoney(9_007_199_254_740_993_000_000_001n, "USD"))).toBe("9007199254740993000000001");
  expect(digits(exactMoney(0n, "USD"))).toBe("000");
  expect(digits(exactMoney(1n, "USD"))).toBe("0000000001");
  expect(digits(exactMoney(2_500_000_000n, "USD"))).toBe("250");
});

it("writes sizes for people", () => {
  expect([1, 100, 500, 1000, 1500].map(cpu)).toEqual(["0.001 CPU", "0.1 CPU", "0.5 CPU", "1 CPU", "1.5 CPU"]);
  const mib = 1 << 20;
  const sizes = [4096, mib, 1.25 * mib, 10.5 * mib, 512 * mib, 1024 * mib, 1280 * mib, 2048 * mib];
  expect(sizes.map(memory)).toEqual([
    "4 KiB",
    "1 MiB",
    "1.3 MiB",
    "11 MiB",
    "512 MiB",
    "1 GiB",
    "1.25 GiB",
    "2 GiB",
  ]);
});

it("counts", () => {
  const counted = [1, 2, 0, 1234].map((n) => count(n, "lease"));
  expect(counted.map(digits)).toEqual(["1", "2", "0", "1234"]);
  expect(counted.map((text) => text.split(" ").at(-1))).toEqual(["lease", "leases", "leases", "leases"]);
  expect(count(2, "lease class", "lease classes")).toContain(" lease classes");
});
