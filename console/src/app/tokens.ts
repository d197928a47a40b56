// Colours of Cloudscape, for what we draw ourselves: values of CSS that follow light and dark.
//
// Taken from the very components that we have: the names of these properties change with every version, and the package that is made for
// them has a version of its own, which need not fit.

export {
  colorBackgroundContainerContent,
  colorBorderDividerDefault,
  colorBorderItemFocused,
  colorChartsLineGrid,
  colorChartsPaletteCategorical1,
  colorChartsPaletteCategorical2,
  colorChartsPaletteCategorical3,
  colorChartsPaletteCategorical4,
  colorChartsPaletteCategorical5,
  colorChartsPaletteCategorical6,
  colorTextBodyDefault,
  colorTextBodySecondary,
  colorTextStatusError,
  colorTextStatusInactive,
  colorTextStatusSuccess,
  colorTextStatusWarning,
  fontFamilyBase,
} from "../../node_modules/@cloudscape-design/components/internal/generated/styles/tokens";
