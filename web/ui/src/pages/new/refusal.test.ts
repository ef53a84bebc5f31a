import { describe, expect, it } from "vitest";
import { RequestError } from "@/api/http";
import { newLease } from "@/api/leases";
import { fieldErrors } from "./refusal";

const lease = newLease("ada", "demo", { image: "ubuntu" });
const nameless = newLease("ada", "", { image: "ubuntu" });
const invalid = (...fields: string[]) =>
  new RequestError(
    422,
    "it is invalid",
    fields.map((field) => ({ field, message: `${field} is wrong` })),
  );

describe("fieldErrors", () => {
  it("says of each field what the server says", () =>
    expect(fieldErrors(invalid("spec.ttl", "spec.env[1].name", "spec.command[0]"), lease, false)).toEqual({
      "spec.ttl": "spec.ttl is wrong",
      "spec.env[1].name": "spec.env[1].name is wrong",
      "spec.command[0]": "spec.command[0] is wrong",
    }));

  it.each(["spec", "spec.env", "spec.className", "metadata.labels"])(
    "leaves what is said of %s whole",
    (field) => expect(fieldErrors(invalid("spec.ttl", field), lease, false)).toEqual({}),
  );

  it("knows the class where it can be chosen", () =>
    expect(fieldErrors(invalid("spec.className"), lease, true)).toEqual({
      "spec.className": "spec.className is wrong",
    }));

  it("says which name is taken", () => {
    const taken = new RequestError(409, 'containerleases.containerlease.dev "demo" already exists');
    expect(fieldErrors(taken, lease, false)).toEqual({
      "metadata.name": '"demo" already exists in ada; choose another name',
    });
    expect(fieldErrors(taken, nameless, false)).toEqual({});
  });

  it("says which namespace is missing", () =>
    expect(fieldErrors(new RequestError(404, 'namespaces "ada" not found'), lease, false)).toEqual({
      "metadata.namespace": 'There is no namespace "ada"; name another, or create it first',
    }));

  it.each([new RequestError(403, "quota"), new RequestError(0, "away"), new TypeError("a bug")])(
    "leaves %s whole",
    (error) => expect(fieldErrors(error, lease, true)).toEqual({}),
  );
});
