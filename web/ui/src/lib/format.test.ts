import { expect, it } from "vitest";
import { count, cpu, exactMoney, memory, money } from "./format";

/** Without what depends on the language: signs, separators, blanks. */
const digits = (text: string) => text.replace(/[^\d]/g, "");

it("keeps four decimals of a small amount, and two of others", () => {
  expect(digits(money(11_251_338n, "USD"))).toBe("00113");
  expect(digits(money(100_000_000n, "USD"))).toBe("01000");
  expect(digits(money(1_250_000_000n, "USD"))).toBe("125");
  expect(digits(money(0n, "USD"))).toBe("000");
  expect(money(1_000_000_000n, "EUR")).toMatch(/€|EUR/);
});

it("keeps every decimal of a bill, however large", () => {
  expect(digits(exactMoney(11_251_338n, "USD"))).toBe("0011251338");
  expect(digits(exactMoney(9_007_199_254_740_993_000_000_001n, "USD"))).toBe("9007199254740993000000001");
  expect(digits(exactMoney(2_500_000_000n, "USD"))).toBe("250");
});

it("writes sizes for people", () => {
  expect([100, 500, 1000, 1500].map(cpu)).toEqual(["0.1 CPU", "0.5 CPU", "1 CPU", "1.5 CPU"]);
  const mib = 1 << 20;
  expect([4096, 1.25 * mib, 512 * mib, 1536 * mib, 2048 * mib].map(memory)).toEqual([
    "4 KiB",
    "1.3 MiB",
    "512 MiB",
    "1.5 GiB",
    "2 GiB",
  ]);
});

it("counts", () => {
  expect([count(1, "lease"), count(2, "lease"), count(0, "lease")]).toEqual([
    "1 lease",
    "2 leases",
    "0 leases",
  ]);
});
