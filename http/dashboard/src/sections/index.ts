// The sections of a session's page, in their order. One that has nothing to show
// returns null. New ones are a file here and a line below.
import type { ComponentType } from 'preact';
import { ConfigList } from './config';
import { Contributions } from './contribution';
import { Credits } from './credits';
import { Events } from './events';
import { Lineage } from './lineage';
import { MetricCharts } from './metrics';
import { Participants } from './participants';
import { Privacy } from './privacy';
import { SecureAggregation } from './secure-aggregation';
import type { SectionProps } from './section';
import { Versions } from './versions';

export const MAIN_SECTIONS: ComponentType<SectionProps>[] = [
  Participants,
  MetricCharts,
  Contributions,
  SecureAggregation,
  Privacy,
  Credits,
  Lineage,
  Versions,
  ConfigList,
];
export const SIDE_SECTIONS: ComponentType<SectionProps>[] = [Events];
