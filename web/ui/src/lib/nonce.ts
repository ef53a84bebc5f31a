/** What lets a style element of ours pass the Content-Security-Policy; empty where there is none. */
export const nonce: string =
  document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
