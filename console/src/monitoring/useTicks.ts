// Times along an axis: as exact as the axis is short.

import { useLocale } from "../texts/texts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export function useTicks(begin: Date, end: Date): (moment: Date) => string {
  const length = end.getTime() - begin.getTime();
  const options: Intl.DateTimeFormatOptions =
    length > 2 * DAY_MS
      ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }
      : length > HOUR_MS
        ? { hour: "2-digit", minute: "2-digit" }
        : { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const format = new Intl.DateTimeFormat(useLocale(), { ...options, hourCycle: "h23" });
  return (moment) => format.format(moment);
}
