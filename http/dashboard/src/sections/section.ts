// What every section of a session's page is given.
import type { Session } from '../types';

export interface SectionProps {
  session: Session;
}
