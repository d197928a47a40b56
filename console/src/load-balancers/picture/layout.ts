// Where boxes and flows of a picture are: four columns, what is reached from the left to the right.

import type { Box, Flow, Graph, Rates } from "./graph";

export const BOX = { width: 212, height: 50 } as const;
const GAP = 14;
const COLUMN_GAP = 64;
const RACK = { title: 24, pad: 8, gap: 16 } as const;
const MARGIN = 10;
const WIDEST = 14;
const THINNEST = 1.5;

export interface PlacedBox {
  box: Box;
  x: number;
  y: number;
}

export interface PlacedRack {
  az: string;
  rack: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedFlow {
  flow: Flow;
  /** A curve, as an SVG path has it. */
  path: string;
  width: number;
}

export interface Layout {
  width: number;
  height: number;
  boxes: readonly PlacedBox[];
  racks: readonly PlacedRack[];
  flows: readonly PlacedFlow[];
}

function columnX(column: number): number {
  return MARGIN + column * (BOX.width + COLUMN_GAP);
}

function stackHeight(count: number): number {
  return count === 0 ? 0 : count * (BOX.height + GAP) - GAP;
}

function rackHeight(boxes: number): number {
  return RACK.title + stackHeight(boxes) + RACK.pad;
}

/** Flows are as wide as what they carry, compared with the one that carries most. */
export function layoutOf(graph: Graph, measure: keyof Rates): Layout {
  const columns = [[graph.balancer], graph.listeners, graph.backends];
  const racksHeight = graph.racks.reduce((height, { boxes }) => height + rackHeight(boxes.length) + RACK.gap, graph.racks.length === 0 ? 0 : -RACK.gap);
  const inner = Math.max(racksHeight, ...columns.map((boxes) => stackHeight(boxes.length)));
  const middle = (height: number) => MARGIN + (inner - height) / 2;

  const boxes: PlacedBox[] = columns.flatMap((column, number) =>
    column.map((box, place) => ({ box, x: columnX(number), y: middle(stackHeight(column.length)) + place * (BOX.height + GAP) })),
  );
  const racks: PlacedRack[] = [];
  let y = middle(racksHeight);
  for (const { az, rack, boxes: own } of graph.racks) {
    const height = rackHeight(own.length);
    racks.push({ az, rack, x: columnX(3) - RACK.pad, y, width: BOX.width + 2 * RACK.pad, height });
    own.forEach((box, place) => boxes.push({ box, x: columnX(3), y: y + RACK.title + place * (BOX.height + GAP) }));
    y += height + RACK.gap;
  }
  return {
    width: columnX(3) + BOX.width + RACK.pad + MARGIN,
    height: inner + 2 * MARGIN,
    boxes,
    racks,
    flows: flowsOf(graph.flows, boxes, measure),
  };
}

function flowsOf(flows: readonly Flow[], boxes: readonly PlacedBox[], measure: keyof Rates): PlacedFlow[] {
  const placed = new Map(boxes.map((one) => [one.box.id, one]));
  const drawn = flows.flatMap((flow) => {
    const from = placed.get(flow.from);
    const to = placed.get(flow.to);
    return from === undefined || to === undefined ? [] : [{ flow, from, to }];
  });
  const most = Math.max(0, ...drawn.map(({ flow }) => flow.rates?.[measure] ?? 0));
  return drawn.map(({ flow, from, to }) => {
    // Those that leave a box, or come to it, are side by side in the order of where they come from or go to, and do not cross.
    const leaving = drawn.filter((one) => one.from === from).sort((one, other) => one.to.y - other.to.y);
    const coming = drawn.filter((one) => one.to === to).sort((one, other) => one.from.y - other.from.y);
    const start = sideOf(from, leaving.findIndex((one) => one.flow === flow), leaving.length);
    const end = sideOf(to, coming.findIndex((one) => one.flow === flow), coming.length);
    const [x1, x2] = [from.x + BOX.width, to.x];
    const bend = (x1 + x2) / 2;
    return { flow, path: `M${x1},${start} C${bend},${start} ${bend},${end} ${x2},${end}`, width: widthOf(flow.rates?.[measure] ?? 0, most) };
  });
}

function sideOf({ y }: PlacedBox, place: number, count: number): number {
  return Math.round((y + (BOX.height * (place + 1)) / (count + 1)) * 10) / 10;
}

function widthOf(value: number, most: number): number {
  return most === 0 ? THINNEST : THINNEST + (WIDEST - THINNEST) * (value / most);
}

/** A text that fits into a box. */
export function fitting(text: string, most: number): string {
  // What is written in squares is as wide as two letters.
  let room = most;
  let kept = "";
  for (const sign of text) {
    room -= /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]/.test(sign) ? 2 : 1;
    if (room < 0) return `${kept.slice(0, -1)}…`;
    kept += sign;
  }
  return text;
}
