// What an instance has written last.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useQuery } from "@tanstack/react-query";

import { Refusal } from "../app/Outcome";
import { useTexts } from "../texts/texts";
import { consoleLog, type ConsoleLog } from "./api";
import "./console.css";
import { computeTexts } from "./texts";

export function ConsoleTab({ id }: { id: string }) {
  const say = useTexts(computeTexts);
  const { data, error, refetch } = useQuery({ queryKey: ["instance", id, "console"], queryFn: () => consoleLog(id) });
  const about = ({ truncated, writtenBytes }: ConsoleLog) => say(truncated ? "instance.console.end" : "instance.console.whole", { bytes: writtenBytes });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={data !== undefined && about(data)}
          actions={<Button iconName="refresh" ariaLabel={say("list.refresh")} onClick={() => void refetch()} />}
        >
          {say("instance.console")}
        </Header>
      }
    >
      <Refusal error={error} />
      {data === undefined ? error === null && say("list.loading") : <Log text={data.text} />}
    </Container>
  );
}

/** What is longer than the page scrolls within itself, by the keyboard as well. */
function Log({ text }: { text: string }) {
  const say = useTexts(computeTexts);
  if (text === "") return <Box color="text-body-secondary">{say("instance.console.none")}</Box>;
  return (
    <pre className="instance-console" role="log" aria-label={say("instance.console")} tabIndex={0}>
      {text}
    </pre>
  );
}
