// What a kind of resource is called.

import { useTexts } from "../texts/texts";
import { knownType } from "./resourceTypes";
import { recordTexts } from "./texts";

export function useTypeName(): (type: string) => string {
  const say = useTexts(recordTexts);
  return (type) => {
    const known = knownType(type);
    return known === null ? type : say(`type.${known}`);
  };
}
