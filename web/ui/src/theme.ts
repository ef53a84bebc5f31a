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

export const theme = createTheme({
  primaryColor: "lagoon",
  primaryShade: { light: 7, dark: 7 },
  colors: { lagoon },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'JetBrains Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  defaultRadius: "md",
  cursorType: "pointer",
  headings: { fontWeight: "650" },
});

/** Mantine's own dimmed text is too faint for WCAG AA on our surfaces. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: { "--mantine-color-dimmed": "#56606b", "--mantine-color-body": "#f6f8f9" },
  dark: { "--mantine-color-dimmed": "#a3adb8", "--mantine-color-body": "#14181c" },
});
