// Who is signed in, and signing in and out. The session itself is a cookie that scripts can't read.
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { requestJSON } from "./http";
import type { Session, SignInOptions } from "./types";

/** Who is signed in, if anybody is, and how somebody can be. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => requestJSON<SignInOptions>("/api/signin", { signal }),
  staleTime: 60_000,
});

/** Says that somebody is signed in now, or nobody. */
export function setSession(client: QueryClient, session: Session | undefined): void {
  client.setQueryData(sessionQuery.queryKey, (before) => ({
    ...(before?.oidc ? { oidc: before.oidc } : {}),
    ...(session ? { session } : {}),
  }));
}

export function signIn(token: string): Promise<Session> {
  return requestJSON<Session>("/api/session", { method: "POST", body: { token } });
}

export async function signOut(): Promise<void> {
  await requestJSON("/api/session", { method: "DELETE" });
}
