import { createContext, use } from "react";
import type { Session } from "@/api/types";

export const SessionContext = createContext<Session | null>(null);

/** Who is signed in. Only for what is shown to somebody who is. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error("nobody is signed in here");
  return session;
}

/** The namespaces to look in: undefined stands for all of them, which an admin sees. */
export function useScope(): readonly (string | undefined)[] {
  const session = useSession();
  return session.admin ? [undefined] : session.namespaces;
}

/** Whether the session's user may change leases in a namespace. */
export function mayEdit(session: Session, namespace: string): boolean {
  return session.admin || session.editorOf.includes(namespace);
}
