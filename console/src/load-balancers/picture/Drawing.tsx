// Boxes and flows, drawn; every box leads to its page.

import type { MouseEvent } from "react";

import { useGo } from "../../app/follow";
import * as tokens from "../../app/tokens";
import type { Rates, Tone } from "./graph";
import { BOX, fitting, type Layout, type PlacedBox } from "./layout";
import type { Words } from "./useWords";

const COLOURS: Record<Tone, string> = {
  success: tokens.colorTextStatusSuccess,
  warning: tokens.colorTextStatusWarning,
  error: tokens.colorTextStatusError,
  off: tokens.colorTextStatusInactive,
};
/** Who sees no colours sees signs. */
const SIGNS: Record<Tone, string> = { success: "✓", warning: "!", error: "✕", off: "–" };

const TITLE_ROOM = 20;
const DETAIL_ROOM = 27;
/** What is narrower cannot be read. */
const NARROWEST = 900;

interface Props {
  layout: Layout;
  measure: keyof Rates;
  label: string;
  words: Words;
}

export function Drawing({ layout, measure, label, words }: Props) {
  const { width, height, boxes, racks, flows } = layout;
  const toneOf = new Map(boxes.map(({ box }) => [box.id, box.tone]));
  return (
    <div style={{ overflowX: "auto" }}>
      <svg role="group" aria-label={label} viewBox={`0 0 ${width} ${height}`} style={{ width: "100%", minWidth: NARROWEST, maxWidth: width, fontFamily: tokens.fontFamilyBase }}>
        {racks.map((rack) => (
          <g key={`${rack.az} ${rack.rack}`} aria-hidden>
            <rect x={rack.x} y={rack.y} width={rack.width} height={rack.height} rx={8} fill="none" stroke={tokens.colorBorderDividerDefault} strokeDasharray="4 4" />
            <text x={rack.x + 10} y={rack.y + 16} fontSize={13} fill={tokens.colorTextBodySecondary}>
              {fitting([rack.az, rack.rack].filter((part) => part !== "").join(" · "), DETAIL_ROOM)}
            </text>
          </g>
        ))}
        {flows.map(({ flow, path, width: thick }) => (
          <path
            key={`${flow.from} ${flow.to}`}
            aria-hidden
            d={path}
            fill="none"
            stroke={COLOURS[toneOf.get(flow.to) ?? "off"]}
            strokeOpacity={0.55}
            strokeWidth={thick}
            strokeDasharray={flow.rates === null ? "3 5" : undefined}
          >
            <title>{words.value(flow.rates, measure)}</title>
          </path>
        ))}
        {boxes.map((placed) => (
          <Linked key={placed.box.id} placed={placed} words={words} />
        ))}
      </svg>
    </div>
  );
}

function Linked({ placed: { box, x, y }, words }: { placed: PlacedBox; words: Words }) {
  const go = useGo();
  const href = words.href(box);
  const follow = (event: MouseEvent) => {
    // Another tab or window is the browser's business.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  const colour = COLOURS[box.tone];
  return (
    <a href={href} aria-label={words.name(box)} onClick={follow}>
      <title>{words.name(box)}</title>
      <rect x={x} y={y} width={BOX.width} height={BOX.height} rx={8} fill={tokens.colorBackgroundContainerContent} stroke={colour} strokeWidth={1.5} />
      <rect x={x} y={y + 8} width={4} height={BOX.height - 16} fill={colour} />
      <text aria-hidden x={x + 14} y={y + 20} fontSize={15} fontWeight={700} fill={tokens.colorTextBodyDefault}>
        {fitting(box.title, TITLE_ROOM)}
      </text>
      <text aria-hidden x={x + 14} y={y + 39} fontSize={13} fill={tokens.colorTextBodySecondary}>
        {fitting(words.detail(box), DETAIL_ROOM)}
      </text>
      <text aria-hidden x={x + BOX.width - 14} y={y + 21} fontSize={14} fontWeight={700} textAnchor="middle" fill={colour}>
        {SIGNS[box.tone]}
      </text>
    </a>
  );
}
