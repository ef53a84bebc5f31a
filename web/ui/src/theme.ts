import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const lagoon: MantineColorsTuple = [
  "#e6f8f5",
  "#d3ece8",
  "#a8d8d1",
  "#79c3b9",
  "#52b1a5",
  "#39a698",
  "#229b8c",
  "#0d7a70",
  "#0a6a61",
  "#055950",
];

// Mantine's greys of the dark scheme, in the blue of our surfaces.
const dark: MantineColorsTuple = [
  "#e8edf0",
  "#b8c1ca",
  "#8b96a1",
  "#65707b",
  "#3a444d",
  "#2d353d",
  "#1f262d",
  "#1c2228",
  "#14181c",
  "#0e1114",
];

export const theme = createTheme({
  primaryColor: "lagoon",
  primaryShade: { light: 7, dark: 7 },
  colors: { lagoon, dark },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'JetBrains Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  headings: { fontWeight: "650" },
});

/** Mantine's own dimmed text is too faint for WCAG AA on our surfaces, as are its placeholders and errors. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#56606b",
    "--mantine-color-placeholder": "#6b7580",
    "--mantine-color-error": "#c02626",
    "--mantine-color-body": "#f6f8f9",
  },
  dark: {
    "--mantine-color-dimmed": "#a3adb8",
    "--mantine-color-placeholder": "#8b96a1",
    "--mantine-color-error": "#ff8a80",
    "--mantine-color-body": "#14181c",
  },
});
