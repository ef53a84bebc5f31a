import { type Countdown, clockTime } from "@/lib/time";
import classes from "./TimeLeft.module.css";

interface Props {
  countdown: Countdown;
  large?: boolean;
}

/** What is left, as time and as a thin bar: amber in the last fifth, red in the last minute. */
export function TimeLeft({ countdown: { left, fraction, urgency }, large }: Props) {
  return (
    <div className={classes.left} data-urgency={urgency} data-large={large || undefined} role="timer">
      <span className={`numbers ${classes.clock}`} data-testid="countdown">
        {urgency === "over" ? "time is up" : clockTime(left)}
      </span>
      <div className={classes.track} aria-hidden>
        <div className={classes.bar} style={{ transform: `scaleX(${fraction})` }} />
      </div>
    </div>
  );
}
