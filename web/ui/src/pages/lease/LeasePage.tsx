export function LeasePage() {
  return null;
}
