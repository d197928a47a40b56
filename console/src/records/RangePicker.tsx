// Which part of the past a list is about.

import DateRangePicker, { type DateRangePickerProps } from "@cloudscape-design/components/date-range-picker";

import { useDuration, useTexts } from "../texts/texts";
import { isRange, type Range } from "./range";
import { recordTexts } from "./texts";

const USUAL: readonly { amount: number; unit: "minute" | "hour" | "day" }[] = [
  { amount: 15, unit: "minute" },
  { amount: 1, unit: "hour" },
  { amount: 1, unit: "day" },
  { amount: 7, unit: "day" },
  { amount: 30, unit: "day" },
];

export function RangePicker({ range, onChange }: { range: Range | null; onChange: (range: Range | null) => void }) {
  const say = useTexts(recordTexts);
  const duration = useDuration();
  const options: DateRangePickerProps.RelativeOption[] = USUAL.map(({ amount, unit }) => ({ key: `${amount} ${unit}`, type: "relative", amount, unit }));
  return (
    <DateRangePicker
      value={range === null || range.type === "absolute" ? range : { key: `${range.amount} ${range.unit}`, ...range }}
      relativeOptions={options}
      placeholder={say("range.all")}
      expandToViewport
      isValidRange={(value) =>
        value !== null && isRange(value) ? { valid: true } : { valid: false, errorMessage: say("range.wrong") }
      }
      onChange={({ detail }) => onChange(detail.value)}
      i18nStrings={{
        ariaLabel: say("range.label"),
        formatRelativeRange: ({ amount, unit }) => say("range.last", { duration: duration(amount, unit) }),
        formatUnit: (unit, value) => duration(value, unit).replace(/^[\d.,\s]+/, ""),
      }}
    />
  );
}
