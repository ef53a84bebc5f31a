export function NewLeasePage() {
  return null;
}
