// Who is signed in, and signing in and out. The session itself is a cookie that scripts can't read.
import { queryOptions } from "@tanstack/react-query";
import { isStatus, requestJSON } from "./http";
import type { Session, SignInOptions } from "./types";

/** Who is signed in; null for nobody. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await requestJSON<Session>("/api/session", { signal });
    } catch (error) {
      if (isStatus(error, 401)) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

/** Which ways there are to sign in beside a token. */
export const signInQuery = queryOptions({
  queryKey: ["signin"],
  queryFn: ({ signal }) => requestJSON<SignInOptions>("/api/signin", { signal }),
  staleTime: 60_000,
});

export function signIn(token: string): Promise<Session> {
  return requestJSON<Session>("/api/session", { method: "POST", body: { token } });
}

export async function signOut(): Promise<void> {
  await requestJSON("/api/session", { method: "DELETE" });
}
