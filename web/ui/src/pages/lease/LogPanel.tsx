import { ActionIcon, Button, CloseButton, Group, Loader, Text, TextInput, Tooltip } from "@mantine/core";
import {
  IconArrowBarToDown,
  IconChevronDown,
  IconChevronUp,
  IconClock,
  IconDownload,
  IconPlayerPause,
  IconPlayerPlay,
  IconSearch,
  IconTextWrap,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { sessionQuery } from "@/api/session";
import type { LogFrame } from "@/api/types";
import { type FollowState, follow } from "@/api/watch/follow";
import { useSecondsUntil } from "@/lib/clock";
import { count } from "@/lib/format";
import { saveText } from "@/lib/save";
import classes from "./LogPanel.module.css";
import { Assembler, type Line, plainText } from "./lines";
import { LogTerminal, type Matches } from "./terminal";

/** How many of the last lines are read at first. */
const firstLines = 1000;

/** What a container prints, as it prints it. */
export function LogPanel({ uid, name }: { uid: string; name: string }) {
  const place = useRef<HTMLDivElement>(null);
  const terminal = useRef<LogTerminal | undefined>(undefined);
  const client = useQueryClient();
  const [state, setState] = useState<FollowState>({ kind: "connecting" });
  const [following, setFollowing] = useState(true);
  const [paused, setPaused] = useState(false);
  const [held, setHeld] = useState(0);
  const [lineCount, setLineCount] = useState(0);
  const [wrap, setWrap] = useState(true);
  const [timestamps, setTimestamps] = useState(false);
  const [query, setQuery] = useState("");
  const [matches, setMatches] = useState<Matches>();

  useEffect(() => {
    if (!place.current) return;
    const created = new LogTerminal(place.current, {
      onFollow: setFollowing,
      onMatches: setMatches,
      onCounts: (lines, waiting) => {
        setLineCount(lines);
        setHeld(waiting);
      },
    });
    terminal.current = created;
    return () => {
      terminal.current = undefined;
      created.dispose();
    };
  }, []);

  useEffect(() => {
    const assembler = new Assembler();
    let since: string | undefined;
    let last: LogFrame | undefined;
    const stop = follow({
      path: () => `/ws/logs/${uid}?${since ? `since=${encodeURIComponent(since)}` : `tail=${firstLines}`}`,
      onState: setState,
      onLines: (texts) => {
        const lines: Line[] = [];
        for (const text of texts) {
          last = JSON.parse(text) as LogFrame;
          since = last.timestamp;
          if (last.reason === "Stopping") continue; // it goes on in a moment
          const line = assembler.add(last);
          if (line) lines.push(line);
        }
        terminal.current?.add(lines);
      },
      whyOver: ({ code }) => {
        if (last?.reason === "SignedOut") {
          void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
          return last.message;
        }
        return code === 1000 ? (last?.message ?? "there is no more") : undefined;
      },
    });
    return stop;
  }, [uid, client]);

  const find = useCallback((text: string, direction: "next" | "previous") => {
    setQuery(text);
    terminal.current?.find(text, direction);
  }, []);
  const onSearchKey = (event: KeyboardEvent) => {
    if (event.key === "Enter") find(query, event.shiftKey ? "previous" : "next");
    if (event.key === "Escape") find("", "next");
  };

  return (
    <section className={classes.panel} aria-label="Logs">
      <div className={classes.toolbar}>
        <LogState state={state} />
        <div className={classes.push} />
        <TextInput
          size="xs"
          className={classes.search ?? ""}
          aria-label="Search the logs"
          placeholder="Search"
          value={query}
          onChange={(event) => find(event.currentTarget.value, "next")}
          onKeyDown={onSearchKey}
          leftSection={<IconSearch size={14} aria-hidden />}
          rightSection={
            query && <CloseButton size="xs" aria-label="Clear the search" onClick={() => find("", "next")} />
          }
          autoComplete="off"
          spellCheck={false}
        />
        {query && (
          <Group gap={2} wrap="nowrap">
            <Text size="xs" c="dimmed" className="numbers" role="status" data-testid="log-matches">
              {matches && matches.count > 0 ? `${matches.index + 1} of ${matches.count}` : "none"}
            </Text>
            <Tool label="Previous match" onClick={() => find(query, "previous")}>
              <IconChevronUp size={16} aria-hidden />
            </Tool>
            <Tool label="Next match" onClick={() => find(query, "next")}>
              <IconChevronDown size={16} aria-hidden />
            </Tool>
          </Group>
        )}
        <Group gap={2} wrap="nowrap">
          <Tool
            label="Follow: stay at the last line"
            pressed={following}
            onClick={() => terminal.current?.setFollow(!following)}
          >
            <IconArrowBarToDown size={16} aria-hidden />
          </Tool>
          <Tool
            label={paused ? "Go on" : "Pause"}
            pressed={paused}
            onClick={() => {
              setPaused(!paused);
              terminal.current?.setPaused(!paused);
            }}
          >
            {paused ? <IconPlayerPlay size={16} aria-hidden /> : <IconPlayerPause size={16} aria-hidden />}
          </Tool>
          <Tool
            label="Wrap long lines"
            pressed={wrap}
            onClick={() => {
              setWrap(!wrap);
              terminal.current?.setWrap(!wrap);
            }}
          >
            <IconTextWrap size={16} aria-hidden />
          </Tool>
          <Tool
            label="Show timestamps"
            pressed={timestamps}
            onClick={() => {
              setTimestamps(!timestamps);
              terminal.current?.setTimestamps(!timestamps);
            }}
          >
            <IconClock size={16} aria-hidden />
          </Tool>
          <Tool
            label={`Download ${count(lineCount, "line")}`}
            disabled={lineCount === 0}
            onClick={() => saveText(`${name}.log`, plainText(terminal.current?.allLines() ?? []))}
          >
            <IconDownload size={16} aria-hidden />
          </Tool>
        </Group>
      </div>
      <div className={classes.frame}>
        <div
          ref={place}
          className={classes.terminal}
          data-testid="log-terminal"
          data-wrap={wrap || undefined}
        />
        {lineCount === 0 && (
          <Text className={classes.nothing ?? ""} size="sm" c="dimmed">
            {state.kind === "ended"
              ? "Nothing was printed that is still here."
              : "Nothing has been printed yet."}
          </Text>
        )}
        {held > 0 && (
          <Button
            className={classes.held ?? ""}
            size="compact-sm"
            onClick={() => {
              setPaused(false);
              terminal.current?.setPaused(false);
            }}
          >
            Paused, {count(held, "new line")}
          </Button>
        )}
      </div>
    </section>
  );
}

interface ToolProps {
  label: string;
  onClick: () => void;
  pressed?: boolean;
  disabled?: boolean;
  children: ReactNode;
}

function Tool({ label, onClick, pressed, disabled = false, children }: ToolProps) {
  return (
    <Tooltip label={label} openDelay={400}>
      <ActionIcon
        size="md"
        variant={pressed ? "filled" : "default"}
        aria-label={label}
        aria-pressed={pressed}
        disabled={disabled}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

/** Whether the log is live, and why if it isn't. */
function LogState({ state }: { state: FollowState }) {
  const seconds = useSecondsUntil(state.kind === "waiting" ? state.retryAt : undefined);
  const words = {
    connecting: "Connecting",
    live: "Live",
    waiting: `Reconnecting in ${seconds} s`,
    ended: `Ended: ${state.kind === "ended" ? state.why : ""}`,
  };
  return (
    <div className={classes.state} data-kind={state.kind} data-testid="log-state" role="status">
      {state.kind === "connecting" ? (
        <Loader size={10} aria-hidden />
      ) : (
        <span className={classes.dot} aria-hidden />
      )}
      <Text size="xs" component="span" className="numbers" truncate title={words[state.kind]}>
        {words[state.kind]}
      </Text>
    </div>
  );
}
