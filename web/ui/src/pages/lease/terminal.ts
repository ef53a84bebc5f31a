// xterm.js as a viewer of lines: what is typed goes nowhere, and any number of lines may come.
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { type ITheme, Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { type Line, render, width } from "./lines";
import { beStrict } from "./strict";

/** How many lines are kept. The terminal takes some 2 KB for each. */
export const keptLines = 10_000;
/** Lines longer than this are wrapped even if lines are not to be. */
const widest = 500;

/** How what is searched for is marked, in the light and in the dark. */
const marks = {
  light: { match: "#ffe9a8", active: "#ffc44d" },
  dark: { match: "#5c4700", active: "#9c5000" },
};

export interface Matches {
  /** From 0; -1 if there are too many to tell which. */
  index: number;
  count: number;
}

export interface Listeners {
  /** Whether the last line is kept in sight. */
  onFollow: (following: boolean) => void;
  onMatches: (matches: Matches) => void;
  /** How many lines there are, and how many of them wait behind a pause. */
  onCounts: (lines: number, waiting: number) => void;
}

export class LogTerminal {
  private readonly relax: () => void;
  private readonly terminal: Terminal;
  private readonly fit = new FitAddon();
  private readonly search = new SearchAddon();
  private readonly observer: ResizeObserver;
  private readonly schemes: MutationObserver;
  private lines: Line[] = [];
  private waiting: Line[] = [];
  private following = true;
  private paused = false;
  private wrap = true;
  private timestamps = false;
  private widestLine = 0;

  constructor(
    private readonly place: HTMLElement,
    private readonly listeners: Listeners,
  ) {
    this.relax = beStrict();
    this.terminal = new Terminal({
      allowProposedApi: true, // search highlights by decorations
      disableStdin: true,
      cursorInactiveStyle: "none",
      cursorStyle: "bar",
      cursorWidth: 1,
      fontFamily: getComputedStyle(place).fontFamily,
      fontSize: 12.5,
      lineHeight: 1.3,
      minimumContrastRatio: 4.5,
      scrollback: keptLines,
      smoothScrollDuration: 0,
      theme: themeOf(place),
    });
    this.terminal.loadAddon(this.fit);
    this.terminal.loadAddon(this.search);
    this.terminal.open(place);
    this.terminal.write("\x1b[?25l"); // no cursor: nothing can be typed
    // Keys that a terminal would send to a program are the page's: Tab goes on to what is next.
    this.terminal.attachCustomKeyEventHandler((event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "c" && this.terminal.hasSelection()) return true;
      return (
        ["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"].includes(event.key) && event.shiftKey
      );
    });
    this.terminal.onScroll(() => this.noticeScroll());
    place.addEventListener("wheel", this.noticeSoon, { passive: true });
    place.addEventListener("keyup", this.noticeSoon);
    place.addEventListener("pointerup", this.noticeSoon);
    this.search.onDidChangeResults(({ resultIndex, resultCount }) =>
      this.listeners.onMatches({ index: resultIndex, count: resultCount }),
    );
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(place);
    const recolour = () => {
      this.terminal.options.theme = themeOf(place);
    };
    this.schemes = new MutationObserver(recolour);
    this.schemes.observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });
  }

  dispose(): void {
    this.observer.disconnect();
    this.schemes.disconnect();
    this.place.removeEventListener("wheel", this.noticeSoon);
    this.place.removeEventListener("keyup", this.noticeSoon);
    this.place.removeEventListener("pointerup", this.noticeSoon);
    this.terminal.dispose();
    this.relax();
  }

  add(lines: readonly Line[]): void {
    if (lines.length === 0) return;
    if (this.paused) {
      this.waiting = [...this.waiting, ...lines].slice(-keptLines);
    } else {
      this.lines = [...this.lines, ...lines].slice(-keptLines);
      this.write(lines);
    }
    this.tell();
  }

  /** All lines, those behind a pause as well. */
  allLines(): readonly Line[] {
    return [...this.lines, ...this.waiting];
  }

  setPaused(paused: boolean): void {
    this.paused = paused;
    if (paused) return;
    const { waiting } = this;
    this.waiting = [];
    this.add(waiting);
    this.tell();
  }

  setFollow(following: boolean): void {
    this.following = following;
    // The terminal itself follows for as long as the last line is in sight.
    if (following) this.terminal.scrollToBottom();
    else this.terminal.scrollLines(-1);
    this.listeners.onFollow(following);
  }

  setWrap(wrap: boolean): void {
    this.wrap = wrap;
    this.redraw();
  }

  setTimestamps(timestamps: boolean): void {
    this.timestamps = timestamps;
    this.redraw();
  }

  find(text: string, direction: "next" | "previous"): void {
    if (text === "") {
      this.search.clearDecorations();
      this.terminal.clearSelection();
      this.listeners.onMatches({ index: -1, count: 0 });
      return;
    }
    // Who looks for something does not want to be taken to the end by the next line.
    if (this.following) this.setFollow(false);
    const { match, active } = marks[scheme()];
    const decorations = {
      matchBackground: match,
      matchOverviewRuler: match,
      activeMatchBackground: active,
      activeMatchColorOverviewRuler: active,
    };
    if (direction === "next") this.search.findNext(text, { decorations });
    else this.search.findPrevious(text, { decorations });
  }

  private tell(): void {
    this.listeners.onCounts(this.lines.length + this.waiting.length, this.waiting.length);
  }

  private write(lines: readonly Line[]): void {
    const widestNew = Math.max(...lines.map((line) => width(line, this.timestamps)));
    if (widestNew > this.widestLine) {
      this.widestLine = widestNew;
      if (!this.wrap) this.resize();
    }
    this.terminal.write(lines.map((line) => render(line, this.timestamps)).join(""), () => {
      if (this.following) this.terminal.scrollToBottom();
    });
  }

  private redraw(): void {
    this.widestLine = 0;
    this.resize();
    this.terminal.reset();
    this.terminal.write("\x1b[?25l");
    if (this.lines.length > 0) this.write(this.lines);
  }

  private resize(): void {
    const proposed = this.fit.proposeDimensions();
    if (!proposed || !Number.isFinite(proposed.cols) || !Number.isFinite(proposed.rows)) return;
    const fitting = Math.max(20, proposed.cols);
    const columns = this.wrap ? fitting : Math.max(fitting, Math.min(widest, this.widestLine + 1));
    this.terminal.resize(columns, Math.max(4, proposed.rows));
    if (this.following) this.terminal.scrollToBottom();
  }

  /** The terminal scrolls after the event that makes it. */
  private readonly noticeSoon = (): void => {
    window.requestAnimationFrame(() => this.noticeScroll());
  };

  private noticeScroll(): void {
    const { viewportY, baseY } = this.terminal.buffer.active;
    const atEnd = viewportY >= baseY;
    if (atEnd === this.following) return;
    this.following = atEnd;
    this.listeners.onFollow(atEnd);
  }
}

function scheme(): "light" | "dark" {
  return document.documentElement.dataset.mantineColorScheme === "dark" ? "dark" : "light";
}

/** What is readable on the page's surfaces. */
const palettes = {
  light: { selection: "#b9e0da", red: "#b3261e", yellow: "#8a5300", cyan: "#0a6a61", grey: "#56606b" },
  dark: { selection: "#3a5f66", red: "#ff8a80", yellow: "#f2b233", cyan: "#5cc7ba", grey: "#a3adb8" },
};

function themeOf(place: HTMLElement): ITheme {
  const { backgroundColor, color } = getComputedStyle(place);
  const { selection, red, yellow, cyan, grey } = palettes[scheme()];
  return {
    background: backgroundColor,
    foreground: color,
    selectionBackground: selection,
    red,
    yellow,
    cyan,
    brightRed: red,
    brightYellow: yellow,
    brightCyan: cyan,
    brightBlack: grey,
  };
}
