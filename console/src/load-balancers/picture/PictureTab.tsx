// A load balancer as a picture: from its VIP by listeners and backend services to targets, with what goes by now.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useState } from "react";

import { Refusal } from "../../app/Outcome";
import { useTexts } from "../../texts/texts";
import type { LoadBalancer } from "../api";
import { Drawing } from "./Drawing";
import type { Rates } from "./graph";
import { InWords } from "./InWords";
import { layoutOf } from "./layout";
import { pictureTexts } from "./texts";
import { usePicture } from "./usePicture";
import { useWords } from "./useWords";

const MEASURES = ["connections", "flows", "bytes"] as const satisfies readonly (keyof Rates)[];

export default function PictureTab({ balancer }: { balancer: LoadBalancer }) {
  const say = useTexts(pictureTexts);
  const [measure, setMeasure] = useState<keyof Rates>("connections");
  const { data, error } = usePicture(balancer);
  const words = useWords(balancer.loadBalancerId);
  const isEmpty = data?.graph.flows.length === 0;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={say("picture.description")}
          actions={
            <SegmentedControl
              label={say("picture.measure")}
              selectedId={measure}
              onChange={({ detail }) => setMeasure(MEASURES.find((one) => one === detail.selectedId) ?? "connections")}
              options={MEASURES.map((id) => ({ id, text: say(`picture.${id}`) }))}
            />
          }
        >
          {say("picture.title")}
        </Header>
      }
    >
      {data === undefined ? (
        error === null ? <Spinner size="large" /> : <Refusal error={error} />
      ) : (
        <SpaceBetween size="m">
          {error !== null && <Refusal error={error} />}
          {isEmpty && <Box variant="p">{say("picture.empty")}</Box>}
          {!data.measuresTargets && <Box variant="p">{say("picture.many")}</Box>}
          <Drawing layout={layoutOf(data.graph, measure)} measure={measure} label={say("picture.of", { name: balancer.loadBalancerName })} words={words} />
          {!isEmpty && (
            <ExpandableSection headerText={say("picture.words")}>
              <InWords graph={data.graph} words={words} />
            </ExpandableSection>
          )}
        </SpaceBetween>
      )}
    </Container>
  );
}
