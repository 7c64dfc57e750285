// The marks and the tags of a version.
import type { Session, Version } from '../types';
import { marksOf } from '../version-marks';

export function Marks({ version, session }: { version: Version; session: Session }) {
  return (
    <>
      {marksOf(version, session).map((mark) => (
        <span key={mark} class={`mark${mark === 'current' ? ' mark-current' : ''}`}>
          {mark}
        </span>
      ))}
      {version.tags.map((tag) => (
        <span key={`tag ${tag}`} class="mark mark-tag">
          <span class="visually-hidden">tag </span>
          {tag}
        </span>
      ))}
    </>
  );
}
