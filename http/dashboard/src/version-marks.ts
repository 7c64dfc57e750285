// What there is to say of a version in a word or two.
import { humanize } from './format';
import type { Session, Version } from './types';

const STATUSES: Record<string, string> = { ready: '', retired: 'weights deleted' };

export function marksOf(version: Version, session: Session): string[] {
  return [
    version.current ? 'current' : '',
    version.version === session.base_version ? 'base of this session' : '',
    version.version === session.result_version ? 'result of this session' : '',
    version.published_at === null ? 'between rounds' : '',
    STATUSES[version.status] ?? humanize(version.status).toLowerCase(),
  ].filter(Boolean);
}
