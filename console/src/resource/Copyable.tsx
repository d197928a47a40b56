// A text that people take elsewhere, such as an id.

import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";

import { useTexts } from "../texts/texts";

export function Copyable({ text }: { text: string }) {
  const say = useTexts();
  if (text === "") return <>{say("field.none")}</>;
  return (
    <CopyToClipboard
      variant="inline"
      textToCopy={text}
      copyButtonAriaLabel={`${say("action.copy")}: ${text}`}
      copySuccessText={say("action.copied")}
      copyErrorText={say("action.copyFailed")}
    />
  );
}
