// The state of a form: what is typed, what is wrong with it, and what became of sending it.

import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { fieldNamedBy } from "../api/errors";
import { NotMade } from "../app/undo";
import type { Catalogue } from "../texts/catalogue";
import { useTexts } from "../texts/texts";
import { edited } from "./draft";
import type { Problems } from "./problems";

export interface Form<Fields extends object> {
  values: Fields;
  // Methods, so that a form with more fields is a form of fewer: parts of forms are drawn by components of their own.
  set<Field extends keyof Fields>(field: Field, value: Fields[Field]): void;
  /** For `onBlur`: a field is not called wrong while it is typed for the first time. */
  leave(field: keyof Fields): void;
  errorText(field: keyof Fields): string | undefined;
  isEdited: boolean;
  isBusy: boolean;
  /** All that is wrong now, whether it is shown yet or not. */
  problems: Problems<Fields, string>;
  /** Shows what is wrong with some fields, as if they had been left. */
  reveal(fields: readonly (keyof Fields)[]): void;
  /** Why it was refused, unless that is said at a field. */
  refusal: unknown;
  /** The field that a refusal is about. */
  refusedField: string | null;
  submit: () => void;
}

interface Options<Fields extends object, Key extends string> {
  initial: Fields;
  check: (values: Fields) => Problems<Fields, Key>;
  /** Names of the fields in the API's sentences. */
  names: Record<keyof Fields & string, readonly string[]>;
  texts?: Catalogue<Key>;
  send: (values: Fields) => Promise<void>;
}

export function useForm<Fields extends object, Key extends string = never>(options: Options<Fields, Key>): Form<Fields> {
  const { check, names, texts, send } = options;
  const say = useTexts<Key>(texts);
  const [initial] = useState(options.initial);
  const [values, setValues] = useState(initial);
  const [left, setLeft] = useState<ReadonlySet<keyof Fields>>(new Set());
  const [isTried, setTried] = useState(false);
  const [refused, setRefused] = useState<{ field: string | null; error: unknown } | null>(null);
  const isSending = useRef(false);
  const sending = useMutation({ mutationFn: send });
  const problems = check(values);

  return {
    values,
    set: (field, value) => {
      setValues((old) => ({ ...old, [field]: value }));
      setRefused((old) => (old?.field === field ? null : old));
    },
    // An empty field that was only passed, as dialogs do when they open, is not wrong yet.
    leave: (field) => {
      if (field in edited(initial, values)) setLeft((old) => new Set(old).add(field));
    },
    errorText: (field) => {
      if (refused?.field === field && refused.error instanceof Error) return refused.error.message;
      const problem = isTried || left.has(field) ? problems[field] : undefined;
      return problem === undefined ? undefined : say(problem[0], problem[1]);
    },
    problems: problems as Problems<Fields, string>,
    reveal: (fields) => setLeft((old) => new Set([...old, ...fields])),
    refusedField: refused?.field ?? null,
    isEdited: Object.keys(edited(initial, values)).length > 0,
    isBusy: sending.isPending,
    // What had to be taken back is said in full, wherever the cause is shown.
    refusal: refused !== null && (refused.field === null || refused.error instanceof NotMade) ? refused.error : null,
    submit: () => {
      setTried(true);
      if (Object.keys(problems).some((field) => problems[field as keyof Fields] !== undefined) || isSending.current) return;
      isSending.current = true;
      setRefused(null);
      sending.mutate(values, {
        onError: (error) => setRefused({ field: fieldNamedBy(error instanceof NotMade ? error.cause : error, names), error }),
        onSettled: () => (isSending.current = false),
      });
    },
  };
}
