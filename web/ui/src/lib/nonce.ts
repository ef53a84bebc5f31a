/** What lets a style element of ours pass the Content-Security-Policy; empty where there is none. */
export const nonce: string =
  document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

// Where dependencies of Mantine's dialogs look for it.
Reflect.set(globalThis, "__webpack_nonce__", nonce);
