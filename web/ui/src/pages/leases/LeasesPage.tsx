export function LeasesPage() {
  return null;
}
