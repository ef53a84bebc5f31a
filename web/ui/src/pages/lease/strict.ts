// xterm.js under our Content-Security-Policy. It makes style elements, which the policy admits by their nonce
// only, and sets style attributes, which it doesn't admit at all; the same by the object model is free.
// The option documentOverride would be the place for this, but parts of it take the document as it is.
import { nonce } from "@/lib/nonce";

let users = 0;

/** Makes elements that keep to the policy, until every user has called the function that is returned. */
export function beStrict(): () => void {
  if (users++ === 0) document.createElement = createElement;
  return () => {
    if (--users === 0) Reflect.deleteProperty(document, "createElement"); // the prototype's is there again
  };
}

function createElement(this: Document, name: string, options?: ElementCreationOptions): HTMLElement {
  const element = Document.prototype.createElement.call(this, name, options);
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  if (element instanceof HTMLSpanElement) element.setAttribute = setAttribute;
  return element;
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}
