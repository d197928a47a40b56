import { expect, test } from "vitest";
import ts from "typescript";

import type { Catalogue } from "./catalogue";

/** Properties whose text people read or hear, in Cloudscape's components and in ours. */
const READ =
  /^(title|text|label|header|description|placeholder|hint|constraint|constraintText|errorText|empty|content|alt|submitText|what)$|(Text|Label|Title|Placeholder)$/;
/** What is the same in every language: no two letters in a row. */
const NO_WORDS = /^(?!.*\p{L}{2})/su;

/** Operators whose result may be either side; comparisons give neither. */
const GIVES = new Set([ts.SyntaxKind.PlusToken, ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.BarBarToken]);

/** Texts in a source that would be shown as they are, whatever the language. */
function literals(name: string, source: string): string[] {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const found: string[] = [];
  const note = (node: ts.Node, text: string) => {
    if (NO_WORDS.test(text)) return;
    found.push(`${name}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${text.trim()}`);
  };
  const shown = (node: ts.Node | undefined): void => {
    if (node === undefined) return;
    if (ts.isStringLiteralLike(node)) note(node, node.text);
    else if (ts.isTemplateExpression(node)) [node.head, ...node.templateSpans.map((span) => span.literal)].forEach((part) => note(node, part.text));
    else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(shown);
    else if (ts.isParenthesizedExpression(node) || ts.isJsxExpression(node)) shown(node.expression);
    else if (ts.isBinaryExpression(node) && GIVES.has(node.operatorToken.kind)) [node.left, node.right].forEach(shown);
    else if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken) shown(node.right);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) note(node, node.text);
    else if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) shown(node);
    else if (ts.isJsxAttribute(node) && READ.test(node.name.getText())) shown(node.initializer);
    else if (ts.isPropertyAssignment(node) && READ.test(node.name.getText())) shown(node.initializer);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const sources = import.meta.glob<string>("../**/*.tsx", { query: "?raw", import: "default", eager: true });

test("what people read comes from the catalogues", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(10);
  // Names of languages and of protocols are the same in all languages.
  const allowed = [/TopBar\.tsx:\d+: (English|中文)$/, /TopBar\.tsx:\d+: dnlb ·$/, /: (TCP|UDP)$/];
  const found = Object.entries(sources).flatMap(([name, source]) => literals(name, source));
  expect(found.filter((text) => !allowed.some((pattern) => pattern.test(text)))).toEqual([]);
});

test("the search for literal texts finds them wherever they are shown", () => {
  const source = `<A title="One two" b="not this"><B>Three</B>{ok === "no" ? "Four" : say("x")}{\`five \${n}\`}<C items={[{ text: "Six", id: "seven" }]} /></A>`;
  expect(literals("a.tsx", source).map((text) => text.split(": ")[1])).toEqual(["One two", "Three", "Four", "five", "Six"]);
});

const modules = import.meta.glob<Record<string, Catalogue>>(["../**/texts.ts", "./common.ts", "!./texts.ts"], { eager: true });
const catalogues = Object.entries(modules).flatMap(([file, module]) => Object.entries(module).map(([name, found]) => ({ name: `${file} ${name}`, found })));

test.each(catalogues)("languages of $name say the same", ({ found: { en, zh } }) => {
  const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
  expect(Object.keys(zh)).toEqual(Object.keys(en));
  for (const [key, text] of Object.entries(en)) {
    expect(zh[key]?.trim(), key).not.toBe("");
    expect(places(zh[key] ?? ""), key).toEqual(places(text));
  }
});
