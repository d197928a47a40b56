// One step that takes no form: done, and said above the page how it went.

import { useMutation } from "@tanstack/react-query";

import { Unreachable } from "../api/errors";
import { notify } from "../app/notices";
import { useTexts } from "../texts/texts";

export function useAction<Input>(act: (input: Input) => Promise<unknown>, done: (input: Input) => string): { run: (input: Input) => void; isBusy: boolean } {
  const say = useTexts();
  const acting = useMutation({
    mutationFn: act,
    onSuccess: (_, input) => notify({ type: "success", text: done(input) }),
    onError: (error) =>
      notify({ type: "error", text: error instanceof Unreachable ? say("server.unknown") : error.message }),
  });
  return { run: (input) => acting.mutate(input), isBusy: acting.isPending };
}
